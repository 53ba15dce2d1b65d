//! The tables are a function of the log: however it is read, and up to what cannot be read.

use api::{
    acme::v1::ServerDeactivated,
    csr::v1::{RequestDeleted, RequestFulfilled},
    keystore::v1::{
        CertificateChainCompleted, CertificateDeleted, CertificateIssued, CertificateReleased,
        CertificateRenamed, CertificateRenewed, CertificateRestored, CertificateRevoked,
    },
    notifier::v1::{ChannelKind, MessageKind, Severity},
};
use eventlog::ApplyError;
use projection::events::{AutomationEvent, CertificateEvent, RequestEvent, ServerEvent};
use time::Duration;

use crate::{
    database::Tables,
    notices,
    script::{self, START, Script, certificate, issuer},
};

#[tokio::test]
async fn an_event_that_cannot_be_applied_names_itself_and_leaves_nothing() {
    type Tell = fn(&mut Script) -> u64;
    let poisons: [(&str, Tell); 14] = [
        ("an event of a later version", |s| {
            s.tell_raw("certificate", "c", "vanished", "x", b"{}")
        }),
        ("not JSON", |s| {
            s.tell_raw("key", "k", "generated", "x", b"{")
        }),
        ("not JSON, of no table", |s| {
            s.tell_raw("weather", "log", "turned", "x", b"\xff")
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
        ("an end of no account", |s| {
            let deactivated = ServerEvent::Deactivated(ServerDeactivated {});
            s.tell("acme-server", "s", &deactivated)
        }),
        ("the removal of no provider", |s| {
            s.tell_raw("dns-provider", "p", "removed", "x", b"{}")
        }),
        ("an update of no channel", |s| {
            s.tell_raw("channel", "c", "updated", "x", b"{}")
        }),
        ("the end of no alert", |s| {
            s.tell("alert", "a", &notices::cleared())
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
    let script = history();
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

/// Something of everything.
pub fn history() -> Script {
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
    renewals_and_notifications(&mut script);
    script
}

/// What an automation tells before, between and after the events of its certificate.
fn renewals_and_notifications(script: &mut Script) {
    let leaf = |n| certificate(n, &["e.example"], START, Duration::days(90));
    let failed = |n| AutomationEvent::RenewalFailed(script::failed(n, "RATE_LIMITED"));
    script.automation("automation-2", script::requested("Second", "server-1"));
    script.issued(
        "certificate-5",
        CertificateIssued {
            automation_id: "automation-2".to_owned(),
            ..script::issued("Second", leaf(11), vec![])
        },
    );
    script.automation("automation-2", script::order_intended(1));
    script.automation(
        "automation-2",
        script::certificate_issued(1, START + Duration::days(90)),
    );
    script.automation("automation-2", script::scheduled(1, START + Duration::DAY));
    script.automation("automation-2", failed(2));
    script.renewed(
        "certificate-5",
        CertificateRenewed {
            automation_id: "automation-2".to_owned(),
            ..script::renewed(2, leaf(12), vec![])
        },
    );
    script.automation("automation-2", script::paused("a move"));
    script.certificate(
        "certificate-5",
        CertificateEvent::Revoked(CertificateRevoked {
            version: 1,
            ..CertificateRevoked::default()
        }),
    );
    script.automation("automation-2", script::cancelled());
    script.certificate(
        "certificate-5",
        CertificateEvent::Released(CertificateReleased::default()),
    );
    let deactivated = ServerEvent::Deactivated(ServerDeactivated {});
    script.tell("acme-server", "server-1", &deactivated);
    script.tell(
        "channel",
        "channel-1",
        &notices::created("Admins", ChannelKind::Email),
    );
    let raised = notices::raised(MessageKind::RenewalFailing, Severity::Error, "Second");
    script.tell("alert", "alert-1", &raised);
    script.tell("alert", "alert-1", &notices::notified("channel-1", false));
    script.tell(
        "alert",
        "alert-1",
        &notices::notify_failed("channel-1", "x"),
    );
    script.tell("alert", "alert-1", &notices::cleared());
    script.tell("alert", "alert-1", &raised);
}
