//! Commands: one event each, whatever is lost on the way and whoever else writes.

use std::time::Duration;

use eventlog::{Appended, EventLog, LogError, Origin, subject};
use futures_util::future::join_all;

use crate::{
    counter::{Added, CommandError, Counter, Event, IsClosed, NOW, add, added, close, origin},
    proxy::Proxy,
    server::{Server, connect, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn of_writers_who_race_for_one_place_one_gets_it() {
    let server = Server::with_log().await;
    let mut logs = Vec::new();
    for _ in 0..8 {
        logs.push(server.log().await);
    }
    for round in 0..5 {
        let id = format!("race-{round}");
        let writers = (0..64).map(|writer: usize| {
            let (log, id) = (logs[writer % logs.len()].clone(), id.clone());
            tokio::spawn(async move {
                let origin = origin(&format!("writer-{writer}"), "close");
                log.execute(&id, &origin, "", NOW, close).await
            })
        });
        let outcomes = join_all(writers).await;
        let (won, lost): (Vec<_>, Vec<_>) = outcomes
            .into_iter()
            .map(|outcome| outcome.expect("no panic"))
            .partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        for outcome in lost {
            assert!(matches!(outcome, Err(CommandError::Refused(IsClosed))));
        }
        let loaded = logs[0].load::<Counter>(&id).await.expect("loaded");
        assert_eq!(loaded.events.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_who_may_all_go_on_all_do() {
    let server = Server::with_log().await;
    let logs = [server.log().await, server.log().await];
    let writers = (0..32).map(|writer: usize| {
        let log = logs[writer % 2].clone();
        tokio::spawn(async move { added(&log, "shared", 1).await })
    });
    for outcome in join_all(writers).await {
        outcome.expect("no panic");
    }
    let loaded = logs[0].load::<Counter>("shared").await.expect("loaded");
    assert_eq!((loaded.state.sum, loaded.events.len()), (32, 32));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_that_is_lost_does_not_make_a_second_event() {
    let server = Server::with_log().await;
    let watching = server.log().await;
    let proxy = Proxy::before(server.port()).await;
    let log = EventLog::open(connect(proxy.port).await, "test")
        .await
        .expect("the log");
    for (id, before) in [("fresh", 0), ("known", 3)] {
        for _ in 0..before {
            added(&log, id, 1).await;
        }
        let position = watching.last_sequence().await.expect("a position");
        proxy.lose_answers(true);
        let command = tokio::spawn({
            let log = log.clone();
            async move { log.execute(id, &origin(id, "7"), "", NOW, add(7)).await }
        });
        until("the event is stored", async || {
            watching.last_sequence().await.expect("a position") > position
        })
        .await;
        proxy.lose_answers(false);
        let done = command.await.expect("no panic").expect("done");
        assert!(!done.repeated);
        assert_eq!(done.state.sum, before + 7);
        let loaded = watching.load::<Counter>(id).await.expect("loaded");
        assert_eq!(loaded.events.len() as u64, before + 1);
        assert_eq!(done.position, loaded.last_sequence);
        assert_eq!(done.state, loaded.state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lost_acknowledgement_no_failure_says_that_nothing_is_stored() {
    let server = Server::with_log().await;
    let watching = server.log().await;
    let proxy = Proxy::before(server.port()).await;
    let log = EventLog::open(connect(proxy.port).await, "test")
        .await
        .expect("the log");
    proxy.lose_answers(true);
    let command =
        tokio::spawn(async move { log.execute("c", &origin("r", "7"), "", NOW, add(7)).await });
    until("the event is stored", async || {
        watching.last_sequence().await.expect("a position") == 1
    })
    .await;
    // Now the aggregate cannot be read: by itself, a failure that comes before any append.
    let stranger = server.context().await;
    let publish = stranger.publish(subject::event("counter", "c", "added"), "no event".into());
    publish.await.expect("sent").await.expect("stored");
    assert!(matches!(
        watching.load::<Counter>("c").await,
        Err(LogError::Damaged(_))
    ));
    proxy.lose_answers(false);
    let failed = command.await.expect("no panic");
    assert!(
        matches!(failed, Err(CommandError::Failed(LogError::Unavailable(_)))),
        "{failed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_finds_its_event_also_when_the_server_has_forgotten_its_id() {
    let server = Server::with_log().await;
    let context = server.context().await;
    let mut config = context
        .get_stream(subject::STREAM)
        .await
        .expect("the stream")
        .cached_info()
        .config
        .clone();
    config.duplicate_window = Duration::from_millis(100);
    context.update_stream(config).await.expect("updated");

    let log = server.log().await;
    let request = origin("r-1", "7");
    let first = log
        .execute("c", &request, "", NOW, add(7))
        .await
        .expect("done");
    let later = added(&log, "c", 1).await;
    assert!(!first.repeated);
    // The window must pass; nothing tells when it has.
    tokio::time::sleep(Duration::from_millis(300)).await;

    for (name, log) in [("warm", log.clone()), ("cold", server.log().await)] {
        let again = log
            .execute("c", &request, "", NOW, add(7))
            .await
            .expect(name);
        assert!(again.repeated, "{name}");
        assert_eq!(
            (again.position, again.event_id),
            (first.position, first.event_id)
        );
        assert_eq!(again.event, first.event, "{name}");
        assert_eq!(again.state, later.state, "{name}");

        let other = log.execute("c", &origin("r-1", "8"), "", NOW, add(8)).await;
        assert!(
            matches!(other, Err(CommandError::RequestIdReused)),
            "{name}"
        );
    }
    assert_eq!(
        log.last_sequence().await.expect("a position"),
        later.position
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_may_touch_several_aggregates_and_items() {
    let server = Server::with_log().await;
    let log = server.log().await;
    let request = origin("r-1", "many");
    for (id, item) in [("a", ""), ("b", ""), ("a", "second")] {
        let done = log
            .execute(id, &request, item, NOW, add(1))
            .await
            .expect("done");
        assert!(!done.repeated, "{id} {item}");
    }
    assert_eq!(log.last_sequence().await.expect("a position"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_decided_on_what_the_log_holds_now() {
    let server = Server::with_log().await;
    let (here, elsewhere) = (server.log().await, server.log().await);
    added(&here, "c", 1).await;
    added(&elsewhere, "c", 1).await;
    // Asked on the cached sum of 1 this would be refused.
    let done = here
        .execute("c", &origin("r", "close"), "", NOW, |counter: &Counter| {
            if counter.sum == 2 {
                close(counter)
            } else {
                Err(IsClosed)
            }
        })
        .await
        .expect("done");
    assert_eq!(
        done.event.clone(),
        close(&Counter::default()).expect("closed")
    );
    assert_eq!(done.state.sum, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_what_he_read_changes_nothing_that_another_changed_since() {
    let server = Server::with_log().await;
    let (here, elsewhere) = (server.log().await, server.log().await);
    let read = added(&here, "c", 1).await.position;
    let reading = |request_id: &str| Origin {
        unchanged_since: Some(read),
        ..origin(request_id, "7")
    };
    added(&elsewhere, "another", 1).await;
    let first = here.execute("c", &reading("r-1"), "", NOW, add(7)).await;
    let first = first.expect("nobody has changed it");
    let second = elsewhere
        .execute("c", &reading("r-2"), "", NOW, add(7))
        .await;
    let Err(CommandError::Changed(changed)) = second else {
        panic!("{second:?}");
    };
    assert_eq!(
        (changed.event.as_str(), changed.position),
        ("added", first.position)
    );
    assert_eq!(changed.actor, "token/1");
    // A repeat is no second change.
    let again = elsewhere
        .execute("c", &reading("r-1"), "", NOW, add(7))
        .await;
    assert!(again.expect("done before").repeated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_is_replayed_whole() {
    let server = Server::with_log().await;
    let log = server.log().await;
    for n in 1..=600 {
        added(&log, "long", n).await;
        if n % 10 == 0 {
            added(&log, &format!("other-{n}"), n).await;
        }
    }
    let loaded = server
        .log()
        .await
        .load::<Counter>("long")
        .await
        .expect("loaded");
    assert_eq!(loaded.events.len(), 600);
    assert_eq!(loaded.state.sum, 600 * 601 / 2);
    assert_eq!(loaded.state.last_sequence, loaded.last_sequence);
    let first = &loaded.events[0];
    assert_eq!(
        (
            first.aggregate.as_str(),
            first.id.as_str(),
            first.event.as_str()
        ),
        ("counter", "long", "added")
    );
    assert_eq!((first.time, first.actor.as_str()), (NOW, "token/1"));
    assert!(matches!(first.decode::<Event>(), Ok(Event::Added(a)) if a.by == 1));
    let nothing = log.load::<Counter>("nobody").await.expect("loaded");
    assert_eq!(
        (nothing.state, nothing.last_sequence),
        (Counter::default(), 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_would_widen_a_subject_is_refused() {
    let server = Server::with_log().await;
    let log = server.log().await;
    for id in ["*", "a.b", ""] {
        let outcome = log.execute(id, &origin("r", "1"), "", NOW, add(1)).await;
        assert!(matches!(
            outcome,
            Err(CommandError::Failed(LogError::InvalidId(_)))
        ));
        assert!(matches!(
            log.load::<Counter>(id).await,
            Err(LogError::InvalidId(_))
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_make_room_before_the_log_is_full_and_services_work_until_it_is() {
    let server = Server::with_limit(Some(64 << 10)).await;
    let log = server.log().await;
    let mut service = origin("r", "1");
    service.actor = "service/test".into();
    let mut n = 0;
    let mut fill = async |log: &EventLog| {
        n += 1;
        service.request_id = n.to_string();
        log.execute(&n.to_string(), &service, "", NOW, add(1)).await
    };
    let bytes = async || {
        let context = server.context().await;
        let stream = context
            .get_stream(subject::STREAM)
            .await
            .expect("the stream");
        stream.cached_info().state.bytes
    };
    let request = origin("early", "1");
    let early = log.execute("p", &request, "", NOW, add(1)).await;
    let early = early.expect("room");
    while bytes().await < 59 << 10 {
        fill(&log).await.expect("room");
    }
    let log = server.log().await;
    let person = log.execute("p", &origin("p", "1"), "", NOW, add(1)).await;
    assert!(matches!(person, Err(CommandError::Failed(LogError::Full))));
    let again = log.execute("p", &request, "", NOW, add(1)).await;
    let again = again.expect("a repeat takes no room");
    assert_eq!((again.position, again.repeated), (early.position, true));
    fill(&log).await.expect("room for services");
    let full = loop {
        if let Err(error) = fill(&log).await {
            break error;
        }
    };
    assert!(
        matches!(full, CommandError::Failed(LogError::Full)),
        "{full:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_has_the_event_once() {
    let mut server = Server::with_log().await;
    let log = server.log().await;
    added(&log, "c", 1).await;
    server.kill();
    let request = origin("r-1", "7");
    let away = log.execute("c", &request, "", NOW, add(7)).await;
    assert!(
        matches!(away, Err(CommandError::Failed(LogError::Unavailable(_)))),
        "{away:?}"
    );
    server.run();
    let done = log
        .execute("c", &request, "", NOW, add(7))
        .await
        .expect("done");
    assert_eq!(done.state.sum, 8);
    let loaded = log.load::<Counter>("c").await.expect("loaded");
    assert_eq!(loaded.events.len(), 2);
}

#[tokio::test]
async fn an_event_that_is_longer_than_a_message_is_refused_for_good() {
    let server = Server::with_log().await;
    let log = server.log().await;
    let long = Origin {
        actor: "a".repeat(1 << 20),
        ..origin("1", "1")
    };
    let refused = log.execute("long", &long, "", NOW, add(1)).await;
    let refused = refused.expect_err("too long");
    assert!(
        matches!(refused, CommandError::Failed(LogError::TooLarge(_))),
        "{refused:?}"
    );
    assert_eq!(added(&log, "long", 1).await.state.sum, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_after_a_known_event_is_stored_there_or_nowhere() {
    let server = Server::with_log().await;
    let log = server.log().await;
    let first = added(&log, "known", 1).await;
    let event = Event::Added(Added { by: 2 });
    let after = async |request: &str, position| {
        let origin = origin(request, "add");
        let appended = log.append_after::<Counter>("known", &origin, "", NOW, &event, position);
        appended.await.expect("answered")
    };
    let Appended::Stored(second) = after("second", first.position).await else {
        panic!("not stored");
    };
    assert_eq!(after("late", first.position).await, Appended::Conflict);
    assert_eq!(after("early", second + 1).await, Appended::Conflict);
    let loaded = log.load::<Counter>("known").await.expect("loaded");
    assert_eq!((loaded.state.sum, loaded.last_sequence), (3, second));
    // Who executes on what he remembers sees it too.
    assert_eq!(added(&log, "known", 4).await.state.sum, 7);
}
