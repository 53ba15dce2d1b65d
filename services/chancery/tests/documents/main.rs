//! What stands in `docs/` as configuration is configuration, and the defaults that it names are the defaults. What is
//! made from `proto/` is as that is now: [`events`], [`asyncapi`].
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod asyncapi;
mod command_line;
mod configuration;
mod contract;
mod events;

use std::fs;

use runtime::config::Settings;

#[test]
fn every_configuration_in_the_documents_is_read() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
    let folder = tempfile::tempdir().unwrap();
    let mut found = 0;
    for document in fs::read_dir(docs).unwrap() {
        let path = document.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for block in text.split("```toml\n").skip(1) {
            let (toml, _) = block.split_once("```").unwrap();
            let file = folder.path().join("chancery.toml");
            // The keys that are commented out are examples, and must be keys as well.
            fs::write(&file, toml.replace("\n# ", "\n")).unwrap();
            let settings = Settings::read(Some(&file), None).unwrap();
            settings.table::<keystore::Config>("keystore").unwrap();
            settings
                .table::<csr_service::Config>("csr_service")
                .unwrap();
            settings.table::<acme_agent::Config>("acme_agent").unwrap();
            settings.table::<notifier::Config>("notifier").unwrap();
            settings.table::<projection::Config>("projection").unwrap();
            settings.table::<gateway::Config>("gateway").unwrap();
            found += 1;
        }
    }
    assert!(found > 0);
}

#[test]
fn the_defaults_in_the_documents_are_the_defaults() {
    let text = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/operate.md"
    ))
    .unwrap();
    let (_, block) = text.split_once("```toml\n").unwrap();
    let (toml, _) = block.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chancery.toml");
    fs::write(&file, toml).unwrap();
    let written = Settings::read(Some(&file), None).unwrap();
    fs::write(&file, "").unwrap();
    let empty = Settings::read(Some(&file), None).unwrap();

    assert_eq!(written.shared().unwrap(), empty.shared().unwrap());
    macro_rules! alike {
        ($($config:ty = $table:literal),+) => { $(
            let of = |settings: &Settings| format!("{:?}", settings.table::<$config>($table).unwrap());
            assert_eq!(of(&written), of(&empty), $table);
        )+ };
    }
    alike!(
        keystore::Config = "keystore",
        csr_service::Config = "csr_service",
        acme_agent::Config = "acme_agent",
        notifier::Config = "notifier",
        projection::Config = "projection",
        gateway::Config = "gateway"
    );
}

/// Holds a document against what it must be; where it is not, it is written, so that the diff can be looked at.
fn pinned(document: &str, text: &str) {
    let file = format!("{}/../../docs/{document}", env!("CARGO_MANIFEST_DIR"));
    if fs::read_to_string(&file).unwrap_or_default() != text {
        fs::write(&file, text).unwrap();
        panic!("docs/{document} was out of date and is written anew: look at its diff");
    }
}
