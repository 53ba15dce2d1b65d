//! All that is kept is in PostgreSQL: a few stories that run on it wherever the others do. `make test-postgresql` runs all.

use std::fs;

use databases::Kind;
use town::{Plan, Town, desk::Desk, wait};

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_lives_in_postgresql_and_stands_its_crash() {
    let mut town = Town::planned(Plan {
        databases: Some(Kind::Postgresql),
        services_apart: true,
        ..Plan::default()
    })
    .await;
    let desk = Desk::of(&town).await;
    town.register_ca().await;
    let shop = town.issue("shop.example").await;
    let then = desk.json("chancery events list --limit 1").await;
    let then = then["events"][0]["sequence"].as_str().unwrap().to_owned();

    // Names in the order of their octets, whatever language the server speaks.
    for name in ["b", "A", "_", "a b", "a-b", "ab"] {
        desk.done(&format!(
            "chancery certs self-sign '{name}' --dns n{}.example",
            name.len()
        ))
        .await;
    }
    let names = async |question: &str| {
        let listed = desk.json(question).await;
        let rows = listed["certificates"].as_array().unwrap().iter();
        let names = rows.map(|row| row["friendlyName"].as_str().unwrap().to_owned());
        names.filter(|name| name != "Chancery").collect::<Vec<_>>()
    };
    let sorted = names("chancery certs list --sort name").await;
    let own = sorted
        .iter()
        .filter(|name| name.len() <= 3)
        .map(String::as_str);
    assert_eq!(own.collect::<Vec<_>>(), ["_", "A", "a b", "a-b", "ab", "b"]);
    assert_eq!(
        names("chancery certs list --filter name:hop").await,
        ["shop.example"]
    );
    assert_eq!(
        names(&format!(
            "chancery certs list --filter domain=example --as-of {then}"
        ))
        .await,
        ["shop.example"]
    );

    // The server crashes, and everybody finds it again.
    town.installation.crash_postgresql();
    desk.until(
        "chancery certs self-sign after --dns after.example",
        |answer| !answer.is_null(),
    )
    .await;
    desk.done("chancery acme retry shop.example").await;
    town.until(&shop.id, "renewed").await;

    // Tables are made anew in a schema of their own, which takes the place of the one before.
    let verdict = desk.json("chancery projection verify").await;
    assert_eq!(verdict["equal"], true, "{verdict}");
    let said = desk.done("chancery projection rebuild").await;
    assert!(said.contains("new tables are served"), "{said}");
    let verdict = desk.json("chancery projection verify").await;
    assert_eq!(verdict["equal"], true, "{verdict}");
    wait::until("a page of what is there", async || {
        (names("chancery certs list --sort name").await.len() == 8).then_some(())
    })
    .await;

    let files = fs::read_dir(town.installation.data.join("db")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let kept = files.filter(|path| path.extension().is_some_and(|end| end == "sqlite"));
    assert_eq!(kept.count(), 0, "nothing is kept in files");
}
