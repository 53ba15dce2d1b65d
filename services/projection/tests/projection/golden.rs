//! The events that the other services keep as golden files become rows.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{database::Tables, script::Script};

#[tokio::test]
async fn every_golden_event_becomes_rows() {
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut golden = BTreeMap::new();
    for service in fs::read_dir(services).unwrap() {
        // A service that writes no events has none.
        let Ok(files) = fs::read_dir(service.unwrap().path().join("src/golden")) else {
            continue;
        };
        for file in files {
            let path = file.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                golden.insert(
                    path.file_stem().unwrap().to_str().unwrap().to_owned(),
                    fs::read(&path).unwrap(),
                );
            }
        }
    }
    let mut script = Script::default();
    // What makes a row comes before what changes it.
    let makes = |name: &str| {
        [
            "issued",
            "imported",
            "generated",
            "created",
            "requested",
            "registered",
            "added",
            "raised",
        ]
        .iter()
        .any(|event| name.split('.').nth(1) == Some(event))
    };
    for first in [true, false] {
        for (name, body) in golden.iter().filter(|(name, _)| makes(name) == first) {
            let (aggregate, event) = name.split_once('.').unwrap();
            let event = event.split('.').next().unwrap();
            script.tell_raw(aggregate, "one", event, "golden", body);
        }
    }
    assert!(golden.len() >= 10, "{:?}", golden.keys());
    let tables = Tables::with(&script.events).await;
    assert!(tables.dump().await.len() > golden.len());
}
