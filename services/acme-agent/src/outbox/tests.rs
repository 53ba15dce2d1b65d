use eventlog::{Aggregate, Apply, EventBody};
use sea_orm::{DatabaseConnection, TransactionTrait};
use time::macros::datetime;

use super::*;
use crate::{automation::Automation, memory::database, together::Together};

const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
const A: Uuid = Uuid::from_u128(0xa);
const B: Uuid = Uuid::from_u128(0xb);

fn recorded(sequence: u64, automation: Uuid, event: &Event) -> Recorded {
    Recorded {
        sequence,
        aggregate: Automation::NAME.into(),
        id: automation.to_string(),
        event: event.name().into(),
        event_id: Uuid::from_u128(sequence.into()),
        time: datetime!(2026-01-01 00:00 UTC),
        stored: datetime!(2026-01-01 00:00 UTC),
        actor: "token/1".into(),
        correlation_id: Uuid::from_u128(100),
        causation_id: None,
        request_id: String::new(),
        request_digest: String::new(),
        schema: event.schema().into(),
        traceparent: None,
        leaf: [0; 32],
        body: event.to_json().unwrap().into(),
    }
}

async fn apply(db: &DatabaseConnection, events: &[Recorded]) {
    let tx = db.begin().await.unwrap();
    let mut outbox = Together(vec![Box::new(Outbox::new(Arc::default()))]);
    outbox.apply(&tx, events).await.unwrap();
    tx.commit().await.unwrap();
}

async fn causes(db: &DatabaseConnection, but: &[Uuid]) -> Vec<u128> {
    let open = oldest(db, but, NOW, 10).await.unwrap();
    open.iter().map(|o| o.cause.as_u128()).collect()
}

#[tokio::test]
async fn the_worker_hears_of_rows_that_another_replica_has_written() {
    let changed = Arc::new(Notify::new());
    let mut rows = Together(vec![Box::new(Outbox::new(changed.clone()))]);
    rows.committed(7, &[]).await;
    let heard = tokio::time::timeout(std::time::Duration::ZERO, changed.notified());
    heard.await.unwrap();
}

#[tokio::test]
async fn an_order_is_open_from_its_cause_to_its_end() {
    let db = database(vec![Box::new(Migration), Box::new(DueMigration)]).await;
    let requested = Event::Requested(Default::default());
    let failed = Event::IssuanceFailed(Default::default());
    let again = Event::RenewalStarted(Default::default());
    apply(
        &db,
        &[recorded(1, A, &requested), recorded(2, B, &requested)],
    )
    .await;
    assert_eq!(causes(&db, &[]).await, [1, 2]);
    assert_eq!(causes(&db, &[Uuid::from_u128(1)]).await, [2]);
    apply(&db, &[recorded(3, A, &failed), recorded(4, A, &again)]).await;
    assert_eq!(causes(&db, &[]).await, [2, 4]);
    // The end of the first order does not take out the second.
    let first = Open {
        automation: A,
        cause: Uuid::from_u128(1),
        correlation: Uuid::nil(),
    };
    close(&db, &first).await.unwrap();
    assert_eq!(causes(&db, &[]).await, [2, 4]);
    let issued = Event::CertificateIssued(Default::default());
    apply(&db, &[recorded(5, A, &issued), recorded(6, B, &issued)]).await;
    assert!(causes(&db, &[]).await.is_empty());
}

#[tokio::test]
async fn an_order_that_is_left_alone_comes_back_at_its_time() {
    let db = database(vec![Box::new(Migration), Box::new(DueMigration)]).await;
    let requested = Event::Requested(Default::default());
    apply(
        &db,
        &[recorded(1, A, &requested), recorded(2, B, &requested)],
    )
    .await;
    let first = oldest(&db, &[], NOW, 1).await.unwrap().remove(0);
    let later = NOW + time::Duration::HOUR;
    postpone(&db, &first, later).await.unwrap();
    assert_eq!(causes(&db, &[]).await, [2]);
    let due = next_due(&db, NOW).await.unwrap().unwrap();
    assert!(due >= later);
    assert_eq!(oldest(&db, &[], due, 10).await.unwrap()[0], first);
    assert_eq!(next_due(&db, due).await.unwrap(), None);
    // Another cause is another order.
    apply(
        &db,
        &[recorded(3, A, &Event::RenewalStarted(Default::default()))],
    )
    .await;
    assert_eq!(causes(&db, &[]).await, [2, 3]);
}
