//! The tables are made anew, and the machine dies in the middle: those before are served, and nothing of the others is left.

use std::{collections::BTreeSet, fs, time::Duration};

use databases::Kind;
use town::{Plan, Town, desk::Desk, wait};

use crate::self_signed;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_a_rebuild_leaves_the_tables_as_they_were() {
    let mut town = Town::planned(Plan {
        // A place of tables is a file there.
        databases: Some(Kind::Sqlite),
        ..Plan::default()
    })
    .await;
    let desk = Desk::of(&town).await;
    let client = town.client().await;
    for n in 0..40 {
        let mut request = self_signed::shop(30);
        request.friendly_name = format!("shop {n}");
        client.csr().create_self_signed(request).await.unwrap();
    }
    let listed = async || {
        let listed = desk
            .json("chancery certs list --limit 500 --sort name")
            .await;
        listed["certificates"].clone()
    };
    let before = listed().await;
    let data = town.installation.data.clone();
    let places = || {
        let files = fs::read_dir(data.join("db")).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let places =
            names.filter(|name| name.starts_with("projection.") && name.ends_with(".sqlite"));
        places.collect::<BTreeSet<_>>()
    };
    let served = places();

    let (asked, ended) = tokio::join!(desk.shell("chancery projection rebuild"), async {
        wait::within(
            Duration::from_secs(60),
            "the first of new tables",
            async || (places() != served).then_some(()),
        )
        .await;
        town.installation.process("up").kill();
        places()
    });
    assert_ne!(asked.status, 0, "it was not done: {}", asked.stdout);
    assert!(ended.is_superset(&served), "{ended:?}");
    assert_eq!(
        ended.len(),
        served.len() + 1,
        "half of it is there: {ended:?}"
    );

    town.installation.up().await;
    assert_eq!(listed().await, before);
    assert_eq!(places(), served, "what was half made is removed");
    desk.done("chancery projection rebuild").await;
    assert!(!places().is_subset(&served), "others are served now");
    assert_eq!(listed().await, before);
    desk.until("chancery projection verify", |verdict| {
        verdict["equal"] == true
    })
    .await;
}
