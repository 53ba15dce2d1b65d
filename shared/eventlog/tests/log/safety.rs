//! A log that could lose events is not opened.

use std::time::Duration;

use async_nats::jetstream::{kv, stream};
use eventlog::{Bucket, EventLog, OpenError, Provision, ProvisionError, provision, subject};

use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_sync_is_refused() {
    for (sync, report, word) in [
        ("2m", true, "sync_interval must be always"),
        ("always", false, "does not say"),
    ] {
        let server = Server::start(sync, report);
        server.provision(None).await;
        let opened = EventLog::open(server.connect().await, "test").await;
        let Err(OpenError::Unsafe(reasons)) = opened else {
            panic!("{sync} {report}: opened");
        };
        assert!(
            matches!(reasons.as_slice(), [one] if one.contains(word)),
            "{reasons:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsafe_stream_is_neither_opened_nor_changed() {
    let server = Server::start("always", true);
    let unsafe_stream = stream::Config {
        name: subject::STREAM.into(),
        subjects: vec![subject::everything()],
        discard: stream::DiscardPolicy::Old,
        max_age: Duration::from_secs(86_400),
        allow_direct: true,
        deny_delete: true,
        deny_purge: true,
        ..Default::default()
    };
    let context = server.context().await;
    context.create_stream(unsafe_stream).await.expect("created");

    let opened = EventLog::open(server.connect().await, "test").await;
    let Err(OpenError::Unsafe(reasons)) = opened else {
        panic!("opened");
    };
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    let wanted = Provision {
        replicas: 1,
        max_bytes: None,
        buckets: Vec::new(),
    };
    let provisioned = provision(&server.connect().await, &wanted).await;
    assert!(matches!(
        provisioned,
        Err(ProvisionError::Unsafe(OpenError::Unsafe(_)))
    ));
    let stream = context.get_stream(subject::STREAM).await.expect("there");
    assert_eq!(
        stream.cached_info().config.max_age,
        Duration::from_secs(86_400)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_log_says_so() {
    let server = Server::start("always", true);
    let opened = EventLog::open(server.connect().await, "test").await;
    assert!(matches!(opened, Err(OpenError::Missing)));
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioning_again_changes_what_may_change() {
    let server = Server::start("always", true);
    let client = server.connect().await;
    let bucket = Bucket {
        name: "answers".into(),
        max_age: Duration::from_secs(60),
    };
    for (asked, there) in [(1 << 20, 1 << 20), (2 << 20, 2 << 20), (1 << 20, 2 << 20)] {
        let wanted = Provision {
            replicas: 1,
            max_bytes: Some(asked),
            buckets: vec![bucket.clone()],
        };
        provision(&client, &wanted).await.expect("provisioned");
        let context = server.context().await;
        let stream = context.get_stream(subject::STREAM).await.expect("there");
        assert_eq!(stream.cached_info().config.max_bytes, there);
        let store: kv::Store = context.get_key_value("answers").await.expect("the bucket");
        assert_eq!(
            store.status().await.expect("status").max_age(),
            Duration::from_secs(60)
        );
    }
}
