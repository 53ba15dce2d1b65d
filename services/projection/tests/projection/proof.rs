//! The tree over the log in the tables, and the ledger of disclosures.

use api::{
    keystore::v1::{KeyGenerated, ServingGranted},
    projection::v1::{Disclosure, disclosure::How},
};
use eventlog::{
    ApplyError,
    proof::{Hash, Tree, path},
};
use projection::{
    events::TlsEvent,
    query::{disclosures, tree},
};
use time::Duration;

use crate::{
    database::Tables,
    script::{self, START, Script, certificate},
};

/// A log of so many events.
fn log(events: u64) -> Script {
    let mut script = Script::default();
    for n in 0..events {
        script.tell_raw("weather", &format!("w{n}"), "turned", "x", b"{}");
    }
    script
}

fn root(script: &Script, size: usize) -> Hash {
    let mut tree = Tree::default();
    script.events[..size]
        .iter()
        .for_each(|event| tree.push(event.leaf));
    tree.root()
}

#[tokio::test]
async fn roots_and_paths_of_every_size_come_from_the_tables() {
    let script = log(700);
    let tables = Tables::empty().await;
    let mut rest = script.events.as_slice();
    for batch in [1, 1, 62, 1, 300, 64, 1, 270] {
        let (some, others) = rest.split_at(batch);
        tables.apply(some).await.unwrap();
        rest = others;
    }
    let database = &tables.database;
    for size in [1, 2, 63, 64, 65, 128, 365, 512, 699, 700] {
        let over = root(&script, size as usize);
        assert_eq!(tree::root(database, size).await.unwrap(), over, "{size}");
        for sequence in [1, size / 2 + 1, size] {
            let found = tree::inclusion(database, sequence, size).await.unwrap();
            let leaf = script.events[sequence as usize - 1].leaf;
            assert!(path::includes(&leaf, sequence - 1, size, &found, &over));
        }
        let found = tree::consistency(database, size, 700).await.unwrap();
        let last = root(&script, 700);
        assert!(path::goes_on((size, &over), (700, &last), &found));
    }
    let leaves = tree::leaves(database, 60, 70).await.unwrap();
    for sequence in 60..=70 {
        let leaf = script.events[sequence as usize - 1].leaf;
        assert_eq!(tree::leaf(&leaves, sequence), Some(leaf));
    }
    assert_eq!(tree::leaf(&leaves, 701), None);
    // However the events came, the rows are the same.
    let at_once = Tables::with(&script.events).await;
    assert_eq!(at_once.dump().await, tables.dump().await);
}

#[tokio::test]
async fn tables_that_are_not_as_far_as_their_checkpoint_take_no_event() {
    let script = log(70);
    let tables = Tables::with(&script.events[..65]).await;
    for from in [60, 66] {
        let refused = tables.apply(&script.events[from..]).await.unwrap_err();
        let ApplyError::Event { sequence, .. } = refused else {
            panic!("{refused}");
        };
        assert_eq!(sequence, from as u64 + 1);
    }
    tables.apply(&script.events[65..]).await.unwrap();
    let over = tree::root(&tables.database, 70).await.unwrap();
    assert_eq!(over, root(&script, 70));
}

#[tokio::test]
async fn the_ledger_has_every_export_of_a_key_and_each_gateway_that_could_read_it() {
    let mut script = Script::default();
    let leaf = certificate(1, &["a.example"], START, Duration::days(90));
    let key = KeyGenerated {
        spki_sha256: leaf.spki_sha256.clone(),
        ..KeyGenerated::default()
    };
    let grant = |script: &mut Script, gateway: &str| {
        let granted = ServingGranted {
            gateway: gateway.to_owned(),
            certificates: 1,
        };
        script.tell("tls", "default", &TlsEvent::ServingGranted(granted))
    };
    grant(&mut script, "gateway-a");
    let may_go_on = grant(&mut script, "gateway-a");
    script.key("k", key.clone());
    script.issued("c", script::issued("Shop", leaf, vec![]));
    let exported = script.key_exported("k");
    let later = grant(&mut script, "gateway-b");
    // It is destroyed, comes back under another id, and another key leaves.
    script.key_destroyed("k");
    script.key_imported("k2", key);
    let again = script.key_exported("k2");
    let other = KeyGenerated {
        spki_sha256: "ab".repeat(32),
        ..KeyGenerated::default()
    };
    script.key("other", other);
    let of_other = script.key_exported("other");
    let tables = Tables::with(&script.events).await;
    let database = &tables.database;

    let of = disclosures::of(database, "k").await.unwrap();
    assert_eq!(of.key_ids, ["k", "k2"]);
    let (rows, more) = disclosures::page(database, &of, i64::MAX, 50)
        .await
        .unwrap();
    assert_eq!(sequences(&rows), [again, later, exported, may_go_on]);
    assert!(!more);
    let (rows, more) = disclosures::page(database, &of, i64::MAX, 2).await.unwrap();
    assert_eq!((sequences(&rows), more), (vec![again, later], true));
    let (rows, _) = disclosures::page(database, &of, later as i64, 2)
        .await
        .unwrap();
    assert_eq!(sequences(&rows), [exported, may_go_on]);

    // A key with which nothing was ever served was given to no gateway.
    let of = disclosures::of(database, &"AB".repeat(32)).await.unwrap();
    let (rows, _) = disclosures::page(database, &of, i64::MAX, 50)
        .await
        .unwrap();
    assert_eq!(sequences(&rows), [of_other]);
    let Some(How::Export(export)) = &rows[0].how else {
        panic!("{rows:?}");
    };
    assert_eq!((export.key_id.as_str(), export.protected), ("other", true));

    let all = disclosures::of(database, "").await.unwrap();
    let (rows, _) = disclosures::page(database, &all, i64::MAX, 50)
        .await
        .unwrap();
    assert_eq!(rows.len(), 6);
    assert!(disclosures::of(database, "nobody's").await.is_err());
}

fn sequences(rows: &[Disclosure]) -> Vec<u64> {
    rows.iter().map(|row| row.sequence).collect()
}
