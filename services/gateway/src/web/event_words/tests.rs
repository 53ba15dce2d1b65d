//! Every event that any service ever wrote has words: the golden files are the register.

use std::{fs, path::Path};

use super::*;

/// An event as the projection answers it, from its golden file.
fn golden(aggregate: &str, event: &str, json: &str) -> Event {
    Event {
        aggregate: aggregate.to_owned(),
        aggregate_id: "0199d3a0-5b1c-7c3e-9a51-6a2f3c1b7e10".to_owned(),
        event: event.to_owned(),
        body: serde_json::from_str(json).unwrap(),
        ..Event::default()
    }
}

/// All of them, of all services.
fn all() -> Vec<Event> {
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = fs::read_dir(services).unwrap();
    let folders = folders.map(|service| service.unwrap().path().join("src/golden"));
    let mut events = Vec::new();
    for folder in folders.filter(|folder| folder.is_dir()) {
        for file in fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            let mut parts = name.split('.');
            if let (Some(aggregate), Some(event), true) =
                (parts.next(), parts.next(), name.ends_with(".json"))
            {
                events.push(golden(
                    aggregate,
                    event,
                    &fs::read_to_string(&file).unwrap(),
                ));
            }
        }
    }
    events
}

#[test]
fn every_event_of_every_service_has_words() {
    let icons = include_str!("../../../templates/icons.html");
    let events = all();
    assert!(events.len() > 60, "{}", events.len());
    for event in &events {
        let name = format!("{}.{}", event.aggregate, event.event);
        let words = known(event).unwrap_or_else(|| panic!("{name} has no words"));
        assert!(words.what.len() <= 32, "{name}: {}", words.what);
        let symbol = format!("id=\"i-{}\"", words.icon);
        assert!(icons.contains(&symbol), "{name}: {symbol}");
        for fact in &words.facts {
            let machine = fact.contains("_") || fact.contains("Unspecified");
            assert!(!machine && fact.len() < 200, "{name}: {fact}");
        }
    }
}

#[test]
fn the_documented_events_are_those_that_have_golden_files() {
    let events = all();
    let docs = include_str!("../../../../../docs/events.md");
    for event in &events {
        let name = format!("`{}`", event.event);
        assert!(docs.contains(&name), "{name}");
    }
}

#[test]
fn the_words_say_what_a_person_wants_to_know() {
    let says = |aggregate: &str, event: &str, json: &str| {
        let words = words(&golden(aggregate, event, json));
        format!("{} ({})", words.what, words.detail())
    };
    let failed =
        include_str!("../../../../acme-agent/src/golden/automation.renewal-failed.retry.json");
    assert_eq!(
        says("automation", "renewal-failed", failed),
        "Renewal failed (attempt 4 · The CA wants its terms of service to be agreed to again · it waits for somebody to act)"
    );
    let exported = include_str!("../../../../keystore/src/golden/certificate.exported.json");
    assert_eq!(
        says("certificate", "exported", exported),
        "Certificate exported (certificate, chain and private key · PKCS#12 · with a passphrase)"
    );
    let refused = include_str!("../../golden/session.refusals-summed.json");
    assert_eq!(
        says("session", "refusals-summed", refused),
        "Sign-in refused (17 times · from 1 Jan 2026, 11:00 UTC · until 1 Jan 2026, 12:00 UTC)"
    );
    let created = include_str!("../../golden/api-token.created.json");
    assert_eq!(
        says("api-token", "created", created),
        "Command line connected (operator · may export private keys · until 1 Jan 2027)"
    );
    assert_eq!(
        says("weather", "changed", "{}"),
        "Something happened (weather.changed)"
    );
}
