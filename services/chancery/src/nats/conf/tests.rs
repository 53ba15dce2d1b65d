//! The file against a real nats-server: for each user, every subject of the whole table is allowed or refused.

use std::{collections::BTreeSet, time::Duration};

use eventlog::subject;
use futures_util::StreamExt as _;

use super::*;
use crate::{
    nats::{
        fixture::{Refused, server},
        users,
    },
    up::provisioning,
};

/// One subject for each pattern of the table, and some that nobody may use.
fn subjects() -> Vec<String> {
    let all = users::users().into_iter().flat_map(|user| user.publish);
    let all = all
        .map(|pattern| pattern.replace(['>', '*'], "x"))
        .collect::<BTreeSet<_>>();
    let mut all = all.into_iter().collect::<Vec<_>>();
    all.extend([
        format!("$JS.API.STREAM.DELETE.{}", subject::STREAM),
        format!("$JS.API.STREAM.PURGE.{}", subject::STREAM),
        format!("$JS.API.STREAM.MSG.DELETE.{}", subject::STREAM),
        "chancery.events.other.x.happened".into(),
        "chancery.other".into(),
        "$SYS.REQ.SERVER.PING".into(),
        "_INBOX.keystore.x".into(),
    ]);
    all
}

async fn until(refused: &Refused, subject: &str) {
    let wanted = format!("\"{}\"", subject.to_lowercase());
    while !refused
        .lock()
        .unwrap()
        .iter()
        .any(|error| error.contains(&wanted))
    {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn every_user_may_do_what_the_table_says_and_nothing_else() {
    let server = server().await;
    for user in users::users() {
        let (client, refused) = server.connect(user.name).await;
        for subject in subjects() {
            client.publish(subject, "".into()).await.unwrap();
        }
        // Refusals come in order: after this one, which nobody may, all have come.
        client
            .publish("end.of.publications", "".into())
            .await
            .unwrap();
        until(&refused, "end.of.publications").await;
        let said = refused
            .lock()
            .unwrap()
            .iter()
            .cloned()
            .collect::<Vec<_>>()
            .join("\n");
        for subject in subjects() {
            let allowed = user
                .publish
                .iter()
                .any(|filter| eventlog::subject::matches(filter, &subject));
            let was_refused = said.contains(&format!("publish to \"{}\"", subject.to_lowercase()));
            assert_eq!(
                allowed, !was_refused,
                "{} publishes to {subject}\n{said}",
                user.name
            );
        }

        let inboxes = users::users()
            .into_iter()
            .map(|other| format!("_INBOX.{}.x", other.name));
        let others = ["chancery.events.>", "_INBOX.>", ">", "$KV.>", "$JS.>"].map(str::to_owned);
        let mut open = Vec::new();
        for subject in inboxes
            .chain(others)
            .chain(["end.of.subscriptions".to_owned()])
        {
            open.push((subject.clone(), client.subscribe(subject).await.unwrap()));
        }
        until(&refused, "end.of.subscriptions").await;
        let said = refused
            .lock()
            .unwrap()
            .iter()
            .cloned()
            .collect::<Vec<_>>()
            .join("\n");
        for (subject, _) in &open {
            let own = *subject == format!("_INBOX.{}.x", user.name);
            let was_refused =
                said.contains(&format!("subscription to \"{}\"", subject.to_lowercase()));
            assert_eq!(
                own, !was_refused,
                "{} subscribes to {subject}\n{said}",
                user.name
            );
        }
    }
    server.child.stop().await;
}

#[test]
fn what_a_path_may_hold_is_quoted() {
    assert_eq!(quoted(r#"/data "x"\y"#), r#""/data \"x\"\\y""#);
    assert_eq!(quoted("a\nb"), r#""a\x0ab""#);
}

/// A consumer's deliveries are the server's own publications, which no permission covers.
#[tokio::test]
async fn a_consumer_delivers_nothing_to_where_its_maker_may_not_publish() {
    let server = server().await;
    let (provisioner, _) = server.connect("provisioner").await;
    provisioning::provision(&provisioner, 1).await.unwrap();
    let (keystore, _) = server.connect("keystore").await;
    let subject = subject::event("key", "7c9e", "generated");
    let log = async_nats::jetstream::new(keystore);
    log.publish(subject, "{}".into())
        .await
        .unwrap()
        .await
        .unwrap();

    let (projection, _) = server.connect("projection").await;
    let consume = async |name: &str, deliver_to: &str| {
        let request = serde_json::json!({
            "stream_name": subject::STREAM,
            "action": "create",
            "config": { "name": name, "deliver_subject": deliver_to, "deliver_policy": "all", "ack_policy": "none" },
        });
        let api = format!("$JS.API.CONSUMER.CREATE.{}.{name}", subject::STREAM);
        projection
            .request(api, request.to_string().into())
            .await
            .unwrap();
    };
    for (name, target) in [
        (
            "delete",
            format!("$JS.API.STREAM.DELETE.{}", subject::STREAM),
        ),
        ("purge", format!("$JS.API.STREAM.PURGE.{}", subject::STREAM)),
        ("forge", subject::event("certificate", "7c9e", "issued")),
        ("answer", format!("$KV.{}.token", api::challenge::BUCKET)),
    ] {
        consume(name, &target).await;
    }
    // What comes here, made last, would have come there before.
    let mut own = projection.subscribe("_INBOX.projection.x").await.unwrap();
    consume("own", "_INBOX.projection.x").await;
    assert_eq!(own.next().await.unwrap().payload, "{}");

    for (stream, messages) in [
        (subject::STREAM.to_owned(), 1),
        (format!("KV_{}", api::challenge::BUCKET), 0),
    ] {
        let info = provisioner
            .request(format!("$JS.API.STREAM.INFO.{stream}"), "".into())
            .await
            .unwrap();
        let info: serde_json::Value = serde_json::from_slice(&info.payload).unwrap();
        assert_eq!(info["state"]["messages"], messages, "{stream}: {info}");
    }
    server.child.stop().await;
}
