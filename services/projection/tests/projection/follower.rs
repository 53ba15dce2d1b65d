//! The follower on a real nats-server: rows and checkpoint together, restarts, poison.

use std::time::Duration;

use api::{
    projection::v1::{GetRequest, query_service_server::QueryService},
    refuse,
};
use eventlog::{Aggregate, Envelope, EventLog, Origin};
use projection::{
    events::{AutomationEvent, KeyEvent},
    follow::{self, FOLLOWER},
    position::Position,
    refusal::Refusal,
};
use runtime::Clock;
use sea_orm::ConnectionTrait;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    database::Tables,
    nats::Nats,
    script::{self, START},
};

/// Writes events as their owners do.
#[derive(Debug, Clone, Default)]
struct Writer;

impl Aggregate for Writer {
    const NAME: &'static str = "automation";
    type Event = AutomationEvent;

    fn evolve(&mut self, _event: &AutomationEvent, _recorded: &Envelope) {}
}

#[derive(Debug, Clone, Default)]
struct KeyWriter;

impl Aggregate for KeyWriter {
    const NAME: &'static str = "key";
    type Event = KeyEvent;

    fn evolve(&mut self, _event: &KeyEvent, _recorded: &Envelope) {}
}

fn origin(n: u32) -> Origin {
    Origin {
        actor: "service/test".to_owned(),
        request_id: format!("request-{n}"),
        request_digest: "same".to_owned(),
        correlation_id: Uuid::from_u128(7),
        causation_id: None,
        unchanged_since: None,
    }
}

async fn write(log: &EventLog, id: &str, n: u32, event: AutomationEvent) -> u64 {
    let decide = |_: &Writer| Ok::<_, std::convert::Infallible>(event.clone());
    log.execute::<Writer, _>(id, &origin(n), "", START, decide)
        .await
        .unwrap()
        .position
}

async fn write_key(log: &EventLog, n: u32) -> u64 {
    let event = KeyEvent::Generated(script::key(n as u8));
    let decide = |_: &KeyWriter| Ok::<_, std::convert::Infallible>(event.clone());
    log.execute::<KeyWriter, _>(&format!("key-{n}"), &origin(n), "", START, decide)
        .await
        .unwrap()
        .position
}

fn follow(log: &EventLog, tables: &Tables) -> (JoinHandle<()>, CancellationToken) {
    replica(log, tables, &tables.position)
}

fn replica(
    log: &EventLog,
    tables: &Tables,
    position: &Position,
) -> (JoinHandle<()>, CancellationToken) {
    let stopping = CancellationToken::new();
    let (database, position) = (tables.database.clone(), position.clone());
    let task = follow::follow(log.clone(), database, position, stopping.clone());
    (tokio::spawn(task), stopping)
}

async fn until(position: &Position, sequence: u64) {
    position
        .reached(sequence, Duration::from_secs(20))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_follow_the_log_through_restarts_and_a_rebuild_is_the_same() {
    let nats = Nats::start().await;
    let log = nats.log().await;
    let tables = Tables::empty().await;
    write(&log, "a", 1, script::requested("Shop", "server-1")).await;
    let (following, stopping) = follow(&log, &tables);
    for n in 2..30 {
        write_key(&log, n).await;
    }
    // Own writes are read.
    let mine = write(&log, "a", 40, script::order_placed(1)).await;
    let questions = tables.questions(&Clock::manual(START));
    let mut request = crate::script::asked(GetRequest {
        id: "a".to_owned(),
        at_least: mine,
        ..GetRequest::default()
    });
    request.set_timeout(Duration::from_secs(20));
    let shown = questions
        .get_automation(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(shown.last_event, "order-placed");

    // Stopped while more is written, it goes on where it was.
    stopping.cancel();
    following.await.unwrap();
    let last = write(&log, "a", 41, script::certificate_issued(1, START)).await;
    let (following, stopping) = follow(&log, &tables);
    until(&tables.position, last).await;
    stopping.cancel();
    following.await.unwrap();
    let checkpoint = eventlog::checkpoint::checkpoint(&tables.database, FOLLOWER)
        .await
        .unwrap();
    assert_eq!(checkpoint.sequence, last);

    let rebuilt = Tables::empty().await;
    let (following, stopping) = follow(&log, &rebuilt);
    until(&rebuilt.position, last).await;
    stopping.cancel();
    following.await.unwrap();
    assert_eq!(rebuilt.dump().await, tables.dump().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_followers_of_one_database_apply_each_event_once() {
    let nats = Nats::start().await;
    let log = nats.log().await;
    let tables = Tables::empty().await;
    let other = Position::at(0);
    let pair = [follow(&log, &tables), replica(&log, &tables, &other)];
    let mut last = write(&log, "a", 1, script::requested("Shop", "server-1")).await;
    for n in 2..40 {
        last = write_key(&log, n).await;
    }
    until(&tables.position, last).await;
    until(&other, last).await;
    for (following, stopping) in pair {
        stopping.cancel();
        following.await.unwrap();
    }
    let alone = Tables::empty().await;
    let (following, stopping) = follow(&log, &alone);
    until(&alone.position, last).await;
    stopping.cancel();
    following.await.unwrap();
    assert_eq!(tables.dump().await, alone.dump().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_event_is_never_passed_over() {
    let nats = Nats::start().await;
    let log = nats.log().await;
    let tables = Tables::empty().await;
    let good = write(&log, "a", 1, script::requested("Shop", "server-1")).await;
    // An order for an automation that nobody requested.
    let poison = write(&log, "b", 2, script::order_placed(1)).await;
    let after = write_key(&log, 3).await;
    let questions = tables.questions(&Clock::manual(START));
    for _ in 0..2 {
        let (following, _stopping) = follow(&log, &tables);
        following.await.unwrap();
        assert_eq!(tables.position.now(), good, "what came before it is there");
        let request = crate::script::asked(GetRequest {
            id: "a".to_owned(),
            at_least: good,
            ..GetRequest::default()
        });
        assert!(questions.get_automation(request).await.is_ok());
        for beyond in [poison, after] {
            let request = crate::script::asked(GetRequest {
                id: "a".to_owned(),
                at_least: beyond,
                ..GetRequest::default()
            });
            let refused = questions.get_automation(request).await.unwrap_err();
            assert_eq!(
                refuse::reason(&refused).as_deref(),
                Some("PROJECTION_STOPPED")
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_fails_for_a_while_does_not_stop_the_projection() {
    let nats = Nats::start().await;
    let log = nats.log().await;
    let tables = Tables::empty().await;
    let rename = async |from: &str, to: &str| {
        let sql = format!("ALTER TABLE {from} RENAME TO {to}");
        tables.database.execute_unprepared(&sql).await.unwrap();
    };
    rename("event", "away").await;
    let (following, stopping) = follow(&log, &tables);
    let mine = write_key(&log, 1).await;
    // Longer than the follower itself tries.
    let refused = tables.position.reached(mine, Duration::from_secs(3)).await;
    assert!(
        matches!(refused, Err(Refusal::NotYetProjected { .. })),
        "{refused:?}"
    );
    rename("away", "event").await;
    until(&tables.position, mine).await;
    stopping.cancel();
    following.await.unwrap();
}
