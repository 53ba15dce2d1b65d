//! What each identity may do on the bus: its own, and nothing else.

use std::time::Duration;

use async_nats::ConnectErrorKind;
use eventlog::{EventLog, subject};
use futures_util::StreamExt;
use town::{Town, wait};

/// Who appends to which aggregates.
const WRITERS: [(&str, &[&str]); 8] = [
    ("keystore", &["key", "certificate", "tls", "kek"]),
    ("csr-service", &["request"]),
    ("acme-agent", &["acme-server", "automation"]),
    ("notifier", &["channel", "alert"]),
    ("projection", &["seal", "tables"]),
    ("gateway", &["directory", "api-token", "session"]),
    ("provisioner", &[]),
    ("auditor", &[]),
];

#[tokio::test(flavor = "multi_thread")]
async fn nobody_appends_to_an_aggregate_that_is_not_his() {
    let town = Town::start().await;
    let last = town.events("").await.last().unwrap().sequence;
    let aggregates = WRITERS
        .iter()
        .flat_map(|(_, own)| *own)
        .copied()
        .collect::<Vec<_>>();
    let more = ["made-up"];
    for (user, own) in WRITERS {
        let foreign = aggregates
            .iter()
            .chain(&more)
            .filter(|aggregate| !own.contains(aggregate));
        for aggregate in foreign {
            refused(&town, user, &subject::event(aggregate, "x", "forged")).await;
        }
    }
    assert_eq!(town.events("").await.last().unwrap().sequence, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_deletes_purges_or_reshapes_the_log() {
    let town = Town::start().await;
    for (user, _) in WRITERS {
        for request in ["DELETE", "PURGE", "MSG.DELETE"] {
            refused(
                &town,
                user,
                &format!("$JS.API.STREAM.{request}.{}", subject::STREAM),
            )
            .await;
        }
        if user != "provisioner" {
            refused(
                &town,
                user,
                &format!("$JS.API.STREAM.UPDATE.{}", subject::STREAM),
            )
            .await;
            refused(&town, user, "$JS.API.STREAM.CREATE.ANOTHER").await;
        }
        if user != "acme-agent" {
            refused(&town, user, "$KV.chancery_challenges.token").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_what_another_is_answered() {
    let town = Town::start().await;
    for (user, _) in WRITERS {
        for inbox in ["_INBOX.keystore.>", "_INBOX.>", ">"] {
            if inbox == format!("_INBOX.{user}.>") {
                continue;
            }
            let (client, mut complaints) = town.installation.nats(user).await;
            let _subscription = client.subscribe(inbox).await.unwrap();
            client.flush().await.unwrap();
            complaint(&mut complaints, &format!("{user} listens on {inbox}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_auditor_reads_every_event() {
    let town = Town::start().await;
    town.register_ca().await;
    town.issue("shop.example").await;
    let projected = town.events("").await;

    let (client, _complaints) = town.installation.nats("auditor").await;
    let log = EventLog::open(client, "auditor").await.unwrap();
    let events = log
        .tail(vec![subject::everything()], 0)
        .take(projected.len());
    let read = events.map(|event| event.unwrap()).collect::<Vec<_>>();
    let read = tokio::time::timeout(wait::PATIENCE, read).await.unwrap();
    for (event, row) in read.iter().zip(&projected) {
        assert_eq!(
            (event.sequence, event.event_id.to_string()),
            (row.sequence, row.id.clone())
        );
        assert_eq!((&event.event, &event.schema), (&row.event, &row.schema));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_does_not_even_get_in() {
    let town = Town::start().await;
    let conf = std::fs::read_to_string(town.installation.data.join("nats/nats.conf")).unwrap();
    let listen = conf
        .lines()
        .find_map(|line| line.strip_prefix("listen: "))
        .unwrap();
    let (_, port) = listen.trim_matches('"').rsplit_once(':').unwrap();
    let ca = town.installation.data.join("identity/ca.pem");
    let options = || {
        async_nats::ConnectOptions::new()
            .add_root_certificates(ca.clone())
            .require_tls(true)
    };
    let limit = Duration::from_secs(10);
    for options in [
        options(),
        options().token("guess".to_owned()),
        options().user_and_password("a".into(), "b".into()),
    ] {
        let entered = options
            .connection_timeout(limit)
            .connect(format!("tls://localhost:{port}"))
            .await;
        let refused = entered.expect_err("a stranger came in");
        assert_eq!(
            refused.kind(),
            ConnectErrorKind::AuthorizationViolation,
            "{refused:?}"
        );
    }
}

/// NATS refuses this publication of this user, and says so.
async fn refused(town: &Town, user: &str, subject: &str) {
    let (client, mut complaints) = town.installation.nats(user).await;
    client
        .publish(subject.to_owned(), "{}".into())
        .await
        .unwrap();
    client.flush().await.unwrap();
    complaint(&mut complaints, &format!("{user} publishes {subject}")).await;
}

async fn complaint(complaints: &mut tokio::sync::mpsc::UnboundedReceiver<String>, what: &str) {
    let complaint = tokio::time::timeout(Duration::from_secs(10), complaints.recv()).await;
    let complaint = complaint
        .unwrap_or_else(|_| panic!("NATS let it be: {what}"))
        .unwrap();
    assert!(
        complaint.to_lowercase().contains("permissions violation"),
        "{what}: {complaint}"
    );
}
