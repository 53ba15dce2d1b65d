//! The tables are a function of the log: however it is read, and up to what cannot be read.

use api::{
    csr::v1::{RequestDeleted, RequestFulfilled},
    keystore::v1::{
        CertificateChainCompleted, CertificateDeleted, CertificateRenamed, CertificateRestored,
    },
};
use eventlog::ApplyError;
use projection::events::{CertificateEvent, RequestEvent};
use time::Duration;

use crate::{
    database::Tables,
    script::{self, START, Script, certificate, issuer},
};

#[tokio::test]
async fn an_event_that_cannot_be_applied_names_itself_and_leaves_nothing() {
    type Tell = fn(&mut Script) -> u64;
    let poisons: [(&str, Tell); 10] = [
        ("an event of a later version", |s| {
            s.tell_raw("certificate", "c", "vanished", "x", b"{}")
        }),
        ("not JSON", |s| {
            s.tell_raw("key", "k", "generated", "x", b"{")
        }),
        ("not JSON, of no table", |s| {
            s.tell_raw("seal", "log", "checkpoint-signed", "x", b"\xff")
        }),
        ("not an object", |s| {
            s.tell_raw("tls", "default", "serving-granted", "x", b"[]")
        }),
        ("a field of another type", |s| {
            s.tell_raw("key", "k", "generated", "x", br#"{"spkiSha256":7}"#)
        }),
        ("a renewal of nothing", |s| {
            s.renewed(
                "c",
                script::renewed(2, certificate(1, &[], START, Duration::DAY), vec![]),
            )
        }),
        ("an order of nothing", |s| {
            s.automation("a", script::order_placed(1))
        }),
        ("a deletion of nothing", |s| {
            s.certificate("c", CertificateEvent::Deleted(CertificateDeleted {}))
        }),
        ("the end of no key", |s| s.key_destroyed("k")),
        ("an answer to nothing", |s| {
            s.request("r", RequestEvent::Fulfilled(RequestFulfilled::default()))
        }),
    ];
    for (what, tell) in poisons {
        let mut script = Script::default();
        script.key("key-1", script::key(7));
        let sequence = tell(&mut script);
        let tables = Tables::empty().await;
        let before = tables.dump().await;
        match tables.apply(&script.events).await {
            Err(ApplyError::Event { sequence: at, .. }) => assert_eq!(at, sequence, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(tables.dump().await, before, "{what}");
    }
}

#[tokio::test]
async fn the_tables_are_the_same_however_often_and_in_whatever_batches_the_log_is_read() {
    let mut script = Script::default();
    script.server("server-1", script::server("Test CA"));
    script.automation("automation-1", script::requested("Shop", "server-1"));
    script.automation("automation-1", script::order_placed(1));
    let first = certificate(1, &["a.example", "b.example"], START, Duration::days(90));
    script.issued(
        "certificate-1",
        script::issued("Shop", first, vec![issuer(101)]),
    );
    script.automation(
        "automation-1",
        script::certificate_issued(1, START + Duration::days(90)),
    );
    let second = certificate(2, &["a.example"], START, Duration::days(90));
    script.renewed(
        "certificate-1",
        script::renewed(2, second, vec![issuer(102)]),
    );
    script.key("key-1", script::key_of(1));
    let (leaf, ca) = (
        certificate(3, &["c.example"], START, Duration::DAY),
        issuer(103),
    );
    script.request("request-1", script::request("Asked", 3, &["c.example"]));
    script.imported("certificate-3", script::imported("Leaf", leaf, vec![]));
    script.imported("certificate-4", script::imported("CA", ca.clone(), vec![]));
    script.certificate(
        "certificate-3",
        CertificateEvent::ChainCompleted(CertificateChainCompleted {
            version: 1,
            issuers: vec![ca],
        }),
    );
    script.key_imported("key-3", script::key_of(3));
    script.key_exported("key-3");
    script.request(
        "request-1",
        RequestEvent::Fulfilled(RequestFulfilled {
            certificate_id: "certificate-3".to_owned(),
            sha256_fingerprint: String::new(),
        }),
    );
    script.default_selected("certificate-3");
    script.key_destroyed("key-1");
    script.certificate(
        "certificate-1",
        CertificateEvent::Deleted(CertificateDeleted {}),
    );
    script.certificate(
        "certificate-4",
        CertificateEvent::Renamed(CertificateRenamed {
            friendly_name: "Authority".to_owned(),
        }),
    );
    script.default_cleared();
    script.certificate(
        "certificate-3",
        CertificateEvent::Deleted(CertificateDeleted {}),
    );
    script.certificate(
        "certificate-3",
        CertificateEvent::Restored(CertificateRestored {
            friendly_name: "Leaf again".to_owned(),
        }),
    );
    script.key_imported("key-4", script::key_of(1));
    script.request("request-2", script::request("Asked too", 5, &["d.example"]));
    script.key("key-5", script::key_of(5));
    script.request("request-2", RequestEvent::Deleted(RequestDeleted {}));
    let once = Tables::with(&script.events).await.dump().await;
    for size in 1..script.events.len() {
        let tables = Tables::empty().await;
        for batch in script.events.chunks(size) {
            tables.apply(batch).await.unwrap();
        }
        assert_eq!(tables.dump().await, once, "in batches of {size}");
        tables.apply(&script.events).await.unwrap();
        assert_eq!(tables.dump().await, once, "twice");
    }
}
