//! The tables move to PostgreSQL, and all goes on.

use std::fs;

use databases::{Kind, Postgresql};
use town::{Plan, Town, desk::Desk};

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_move_to_postgresql_and_issuing_goes_on() {
    let mut town = Town::planned(Plan {
        databases: Some(Kind::Sqlite),
        ..Plan::default()
    })
    .await;
    let desk = Desk::of(&town).await;
    town.register_ca().await;
    let shop = town.issue("shop.example").await;
    desk.done("chancery users create rosa --role operator")
        .await;
    let before = desk.json("chancery certs show shop.example").await;

    let server = Postgresql::start();
    let data = town.installation.data.clone();
    let (url, folder) = (server.url_text(), data.display());
    let migrate = format!("chancery migrate-database --to '{url}' --data-dir {folder}");
    let runs = desk.refused(1, &migrate).await;
    assert!(runs.contains("already runs"), "{runs}");
    town.installation.process("up").stop("INT").await;
    let wrong = format!("chancery migrate-database --to mysql://db/chancery --data-dir {folder}");
    let wrong = desk.refused(1, &wrong).await;
    assert!(wrong.contains("must begin with postgresql://"), "{wrong}");

    let said = desk.done(&migrate).await;
    assert!(said.contains("and are equal"), "{said}");
    for table in [
        "keystore.sealed_key ",
        "gateway.user ",
        "notifier.",
        "acme-agent.",
        "csr-service.",
    ] {
        assert!(said.contains(table), "{table} is not in:\n{said}");
    }
    let twice = desk.refused(1, &migrate).await;
    assert!(twice.contains("already"), "{twice}");

    // The old files are read by nobody any more.
    fs::rename(data.join("db"), data.join("db.before")).unwrap();
    town.installation
        .configure(&format!("[database]\nurl = \"{url}\"\n"));
    town.installation.up().await;
    desk.until("chancery certs show shop.example", |after| *after == before)
        .await;
    desk.done("chancery acme retry shop.example").await;
    town.until(&shop.id, "renewed").await;
    let lab = town.issue("lab.example").await;
    assert!(!lab.certificate_id.is_empty());
    desk.until("chancery projection verify", |verdict| {
        verdict["equal"] == true
    })
    .await;
    let people = desk.json("chancery users list").await;
    assert!(people.to_string().contains("rosa"), "{people}");
    let files = fs::read_dir(data.join("db"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "sqlite"));
    assert_eq!(files.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_on_a_database_to_which_a_part_was_copied() {
    let mut town = Town::planned(Plan {
        databases: Some(Kind::Sqlite),
        ..Plan::default()
    })
    .await;
    let desk = Desk::of(&town).await;
    desk.done("chancery certs self-sign shop.example --dns shop.example")
        .await;
    let listed = desk.json("chancery certs list").await;
    town.installation.process("up").stop("INT").await;

    let server = Postgresql::start();
    let url = server.url_text();
    let folder = town.installation.data.display().to_string();
    let migrate = format!("chancery migrate-database --to '{url}' --data-dir {folder}");
    // Dead as soon as it says that the first table is there.
    let killed = format!(
        "mkfifo said && {{ {migrate} > said & }} && read first < said && kill -9 $! ; wait $!; echo \"$? $first\""
    );
    let said = desk.done(&killed).await;
    assert!(said.starts_with("137 keystore."), "{said}");
    let again = desk.refused(1, &migrate).await;
    assert!(again.contains("if it is of an earlier try"), "{again}");

    let whole = std::mem::take(&mut town.installation.environment);
    town.installation
        .environment
        .push(("CHANCERY_DATABASE__URL", url));
    town.installation.start_up();
    let up = town.installation.process("up");
    assert!(!up.end().await.success());
    assert!(up.log().contains("only a part was copied"), "{}", up.log());

    // Where it was, all is as it was.
    town.installation.environment = whole;
    town.installation.up().await;
    desk.until("chancery certs list", |now| {
        now["certificates"] == listed["certificates"]
    })
    .await;
}
