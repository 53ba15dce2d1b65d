//! The file against a real nats-server: for each user, every subject of the whole table is allowed or refused.

use std::{collections::BTreeSet, time::Duration};

use eventlog::subject;

use super::*;
use crate::nats::{
    fixture::{Refused, server},
    users,
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
