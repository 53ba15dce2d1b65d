//! `chancery doctor` says how an installation is: while it runs, and while it does not.

use std::{collections::BTreeMap, fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use town::{Plan, Town, desk::Desk, wait};

#[tokio::test(flavor = "multi_thread")]
async fn it_is_well_while_all_runs_and_what_is_down_is_named_when_it_does_not() {
    let mut town = Town::start().await;
    let desk = Desk::of(&town).await;
    let data = town.installation.data.clone();
    let doctor = format!("chancery doctor --data-dir {}", data.display());

    let said = desk.done(&doctor).await;
    for well in [
        "ok       configuration: ",
        "ok       key-encryption key: ",
        "ok       internal CA: ",
        "ok       identities: ",
        "ok       sealed keys: all of it opens with",
        "ok       database of gateway: ",
        "ok       event log: ",
        "ok       clock: ",
        "ok       keystore: ready at ",
        "ok       projection: ready at ",
        "ok       gateway: serves TLS at ",
        "warning  place of the key-encryption key: ",
    ] {
        assert!(said.contains(well), "{well:?} is not in\n{said}");
    }
    assert!(!said.contains("failed"), "{said}");
    let kek = fs::read_to_string(data.join("kek")).unwrap();
    assert!(!said.contains(kek.trim()));
    let all = desk.json(&doctor).await;
    let verdict = |check: &str| verdict(&all, check);
    assert_eq!(verdict("acme-agent").as_deref(), Some("ok"));

    // In the midst of a rotation it says what is still needed.
    desk.done(&format!(
        "chancery rotate-kek --data-dir {}",
        data.display()
    ))
    .await;
    let said = desk.done(&doctor).await;
    assert!(said.contains("previous key-encryption key: "), "{said}");
    desk.until(
        "chancery events list --filter 'aggregate=kek event=rotated'",
        |events| events["events"].get(0).is_some(),
    )
    .await;
    fs::remove_file(data.join("kek.previous")).unwrap();

    // Nothing runs: it says so, finds the rest in order, and changes nothing.
    town.installation.process("up").stop("INT").await;
    let before = content(&data);
    let said = desk.refused(1, &doctor).await;
    for line in [
        "failed   event log: ",
        "failed   keystore: no answer at ",
        "failed   gateway: ",
        "ok       sealed keys: all of it opens with",
        "start chancery up",
        "checks failed",
    ] {
        assert!(said.contains(line), "{line:?} is not in\n{said}");
    }
    assert_eq!(content(&data), before);

    // Another key, none at all, and one that others may read.
    let kek = fs::read(data.join("kek")).unwrap();
    fs::write(data.join("kek"), STANDARD.encode([7; 32])).unwrap();
    let said = desk.refused(1, &doctor).await;
    assert!(
        said.contains("failed   sealed keys: the key-encryption key"),
        "{said}"
    );
    assert!(said.contains("failed   internal CA: "), "{said}");
    fs::remove_file(data.join("kek")).unwrap();
    let said = desk.refused(1, &doctor).await;
    assert!(
        said.contains("failed   key-encryption key: cannot read"),
        "{said}"
    );
    fs::write(data.join("kek"), &kek).unwrap();
    let said = desk.refused(1, &doctor).await;
    assert!(said.contains("chmod 600"), "{said}");

    // A name that is not known.
    town.installation
        .configure("[keystore]\nkek_fiel = \"/kek\"\n");
    let said = desk.refused(1, &doctor).await;
    assert!(
        said.contains("failed   configuration: ") && said.contains("kek_fiel"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_service_that_is_down_is_told_from_those_that_run() {
    let mut town = Town::planned(Plan {
        services_apart: true,
        ..Plan::default()
    })
    .await;
    let desk = Desk::of(&town).await;
    let data = town.installation.data.display().to_string();
    let doctor = format!("chancery doctor --data-dir {data}");
    wait::until("all are ready", async || {
        (desk.shell(&doctor).await.status == 0).then_some(())
    })
    .await;
    town.installation.process("notifier").stop("TERM").await;
    let ended = desk.shell(&format!("{doctor} --output json")).await;
    assert_eq!(ended.status, 1);
    let all = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(verdict(&all, "notifier").as_deref(), Some("failed"));
    assert_eq!(verdict(&all, "keystore").as_deref(), Some("ok"));
    assert_eq!(verdict(&all, "event log").as_deref(), Some("ok"));
}

fn verdict(all: &Value, check: &str) -> Option<String> {
    let checks = all["checks"].as_array()?;
    let found = checks.iter().find(|found| found["check"] == check)?;
    Some(found["verdict"].as_str()?.to_owned())
}

/// What is in the databases and beside them; but for what SQLite makes again whenever one is opened.
fn content(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in [data.to_owned(), data.join("db"), data.join("identity")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            if path.is_file() && !name.ends_with("-shm") && !name.ends_with("-wal") {
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}
