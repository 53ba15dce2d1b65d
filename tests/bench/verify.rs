//! How fast events that were read are verified, on one core.

use std::{fs, hint::black_box, time::Instant};

use bytes::Bytes;
use eventlog::proof::{Stored, Verifier};
use town::tools::workspace;

use crate::figure::{Figure, Wanted, median};

/// The rate.
pub async fn measure() -> Vec<Figure> {
    let bodies = bodies();
    let octets = bodies.iter().map(Bytes::len).sum::<usize>() / bodies.len();
    let rates = (0..ROUNDS).map(|_| {
        let events = events(&bodies);
        let mut verifier = Verifier::default();
        let begun = Instant::now();
        for event in events {
            let leaf = None;
            verifier.take(event, leaf);
        }
        let report = black_box(verifier.finish());
        assert_eq!((report.size, report.findings.len()), (EVENTS, 0));
        EVENTS as f64 / begun.elapsed().as_secs_f64()
    });
    let rate = median(rates.collect::<Vec<_>>());
    vec![Figure {
        name: "events verified, once read",
        measured: rate,
        against: None,
        unit: "events/s",
        value: rate,
        wanted: Wanted::AtLeast(200_000.0),
        how: format!(
            "{EVENTS} events with 16 headers and bodies of {octets} octets on average (those of the golden files), \
             leaf by leaf into the tree, on one core; the median of {ROUNDS} rounds"
        ),
    }]
}

/// What services write.
fn bodies() -> Vec<Bytes> {
    let mut bodies = Vec::new();
    for service in fs::read_dir(workspace().join("services")).unwrap() {
        let golden = service.unwrap().path().join("src/golden");
        for file in fs::read_dir(golden).into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|e| e == "json") {
                let text = fs::read(file.path()).unwrap();
                // As it is in the log: in one line.
                let body = serde_json::from_slice::<serde_json::Value>(&text).unwrap();
                bodies.push(Bytes::from(body.to_string()));
            }
        }
    }
    bodies
}

/// Events of many aggregates, each with a handful of events.
fn events(bodies: &[Bytes]) -> Vec<Stored> {
    let id = |n: u64| uuid::Uuid::from_u128(u128::from(n) << 64 | 7).to_string();
    let event = |sequence: u64| {
        let each = 5;
        let (aggregate, place) = (id(sequence.div_ceil(each)), (sequence - 1) % each);
        let before = if place == 0 { 0 } else { sequence - 1 };
        let headers = [
            ("Nats-Expected-Last-Subject-Sequence", before.to_string()),
            (
                "Nats-Expected-Last-Subject-Sequence-Subject",
                format!("chancery.events.certificate.{aggregate}.*"),
            ),
            ("Nats-Msg-Id", id(sequence)),
            ("ce-actor", format!("token/{}", id(1))),
            ("ce-causationid", id(2)),
            ("ce-correlationid", id(3)),
            ("ce-datacontenttype", "application/json".to_owned()),
            (
                "ce-dataschema",
                "proto:chancery.keystore.v1.CertificateIssued".to_owned(),
            ),
            ("ce-id", id(sequence)),
            ("ce-requestdigest", "0123456789abcdef".repeat(4)),
            ("ce-requestid", id(4)),
            ("ce-source", "/chancery/keystore".to_owned()),
            ("ce-specversion", "1.0".to_owned()),
            ("ce-subject", aggregate.clone()),
            ("ce-time", "2026-01-02T03:04:05.123456Z".to_owned()),
            ("ce-type", "chancery.certificate.issued".to_owned()),
        ];
        Stored {
            sequence,
            time: 1_767_225_600_000_000_000,
            subject: format!("chancery.events.certificate.{aggregate}.issued"),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            body: bodies[sequence as usize % bodies.len()].clone(),
        }
    };
    (1..=EVENTS).map(event).collect()
}

const EVENTS: u64 = 100_000;
const ROUNDS: usize = 5;
