//! Following events as they are projected.

use std::time::Duration;

use api::{
    projection::v1::{Event, WatchEventsRequest, query_service_server::QueryService},
    refuse,
};
use futures_util::{Stream, StreamExt};
use projection::grpc::Questions;
use runtime::Clock;
use tonic::Status;

use crate::{
    database::Tables,
    script::{self, START, Script},
};

async fn watch(
    questions: &Questions,
    request: WatchEventsRequest,
) -> impl Stream<Item = Result<Event, Status>> + Unpin + use<> {
    questions
        .watch_events(crate::script::asked(request))
        .await
        .unwrap()
        .into_inner()
}

async fn next(events: &mut (impl Stream<Item = Result<Event, Status>> + Unpin)) -> Option<u64> {
    let event = tokio::time::timeout(Duration::from_secs(5), events.next())
        .await
        .unwrap();
    event.map(|event| event.unwrap().sequence)
}

#[tokio::test]
async fn a_watcher_sees_what_was_and_then_what_comes_each_once() {
    let mut script = Script::default();
    for n in 0..250_u8 {
        script.key(&n.to_string(), script::key(n));
    }
    let tables = Tables::with(&script.events[..120]).await;
    let questions = tables.questions(&Clock::manual(START));
    let mut all = watch(
        &questions,
        WatchEventsRequest {
            after_sequence: 5,
            ..Default::default()
        },
    )
    .await;
    let mut new = watch(
        &questions,
        WatchEventsRequest {
            only_new: true,
            after_sequence: 5,
            ..Default::default()
        },
    )
    .await;
    for sequence in 6..=120 {
        assert_eq!(next(&mut all).await, Some(sequence));
    }
    tables.apply(&script.events[120..121]).await.unwrap();
    assert_eq!(next(&mut all).await, Some(121));
    assert_eq!(next(&mut new).await, Some(121));
    tables.apply(&script.events[121..]).await.unwrap();
    for sequence in 122..=250 {
        assert_eq!(next(&mut all).await, Some(sequence));
        assert_eq!(next(&mut new).await, Some(sequence));
    }
}

#[tokio::test]
async fn a_watcher_sees_only_what_it_asked_for() {
    let mut script = Script::default();
    for n in 0..10_u8 {
        script.key(&n.to_string(), script::key(n));
        script.server(&n.to_string(), script::server(&format!("Server {n}")));
    }
    let tables = Tables::with(&script.events[..6]).await;
    let questions = tables.questions(&Clock::manual(START));
    let filter = "aggregate=acme-server aggregate_id!=1".to_owned();
    let mut servers = watch(
        &questions,
        WatchEventsRequest {
            filter,
            ..Default::default()
        },
    )
    .await;
    assert_eq!(next(&mut servers).await, Some(2));
    assert_eq!(next(&mut servers).await, Some(6));
    for event in &script.events[6..] {
        tables.apply(std::slice::from_ref(event)).await.unwrap();
    }
    for sequence in [8, 10, 12, 14, 16, 18, 20] {
        assert_eq!(next(&mut servers).await, Some(sequence));
    }
}

#[tokio::test]
async fn a_watch_ends_with_the_reason() {
    let tables = Tables::empty().await;
    let questions = tables.questions(&Clock::manual(START));
    let mut events = watch(&questions, WatchEventsRequest::default()).await;
    tables.position.stop(None);
    let refused = events.next().await.unwrap().unwrap_err();
    assert_eq!(
        refuse::reason(&refused).as_deref(),
        Some("PROJECTION_STOPPED")
    );
    assert!(events.next().await.is_none());

    tables.position.close();
    let mut events = watch(&questions, WatchEventsRequest::default()).await;
    let refused = events.next().await.unwrap().unwrap_err();
    assert_eq!(refuse::reason(&refused).as_deref(), Some("STOPPING"));
}
