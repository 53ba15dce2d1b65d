use api::{
    acme::v1::{CertificateObtained, OrderFailed, RenewalScheduled, RenewalStarted},
    convert::timestamp,
};
use eventlog::{Aggregate, Apply, EventBody, Recorded};
use sea_orm::{DatabaseConnection, DbBackend, QueryTrait, Statement, TransactionTrait};
use time::{Duration, macros::datetime};

use super::*;
use crate::{automation::Automation, memory::database, together::Together};

const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);
const A: Uuid = Uuid::from_u128(0xa);
const B: Uuid = Uuid::from_u128(0xb);

fn day(n: i64) -> OffsetDateTime {
    START + Duration::days(n)
}

pub fn recorded(sequence: u64, automation: Uuid, event: &Event, time: OffsetDateTime) -> Recorded {
    Recorded {
        sequence,
        aggregate: Automation::NAME.into(),
        id: automation.to_string(),
        event: event.name().into(),
        event_id: Uuid::from_u128(sequence.into()),
        time,
        stored: time,
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

fn issued() -> Event {
    Event::CertificateIssued(CertificateObtained {
        version: 1,
        not_before: Some(timestamp(day(0))),
        not_after: Some(timestamp(day(90))),
        ..CertificateObtained::default()
    })
}

fn failed(retry_at: OffsetDateTime) -> Event {
    Event::RenewalFailed(OrderFailed {
        retry_at: Some(timestamp(retry_at)),
        ..OrderFailed::default()
    })
}

/// A database whose follower has seen these events of A, one a day.
async fn after(events: &[Event]) -> DatabaseConnection {
    let db = database(vec![
        eventlog::checkpoint::migration(),
        Box::new(outbox::Migration),
        Box::new(outbox::DueMigration),
        Box::new(Migration),
        Box::new(PositionMigration),
    ])
    .await;
    let recorded = (0..).zip(events);
    let recorded = recorded.map(|(n, event)| recorded_at(n, event));
    apply(&db, &recorded.collect::<Vec<_>>()).await;
    db
}

fn recorded_at(n: i64, event: &Event) -> Recorded {
    recorded(n.cast_unsigned() + 1, A, event, day(n))
}

async fn apply(db: &DatabaseConnection, events: &[Recorded]) {
    let tx = db.begin().await.unwrap();
    let mut rows = Together(vec![Box::new(Agendas::new(vec![]))]);
    rows.apply(&tx, events).await.unwrap();
    tx.commit().await.unwrap();
}

async fn next(db: &DatabaseConnection) -> Option<i64> {
    let earliest = earliest(db).await.unwrap();
    earliest.map(|at| (at - START).whole_days())
}

#[tokio::test]
async fn an_order_that_is_wanted_is_not_due() {
    let db = after(&[Event::Requested(Default::default())]).await;
    assert_eq!(next(&db).await, None);
    assert_eq!(busy(&db, day(1), 10).await.unwrap(), 1);
}

#[tokio::test]
async fn a_certificate_is_due_by_its_life_and_its_ca_is_asked_at_once() {
    let db = after(&[Event::Requested(Default::default()), issued()]).await;
    assert_eq!(next(&db).await, Some(60));
    assert_eq!(busy(&db, day(1), 10).await.unwrap(), 0);
    assert!(due(&db, day(59), 10).await.unwrap().is_empty());
    assert_eq!(due(&db, day(60), 10).await.unwrap()[0].automation, A);
    assert_eq!(earliest_question(&db).await.unwrap(), Some(day(1)));
}

#[tokio::test]
async fn each_event_moves_what_is_next() {
    let scheduled = |version| {
        Event::RenewalScheduled(RenewalScheduled {
            version,
            renew_at: Some(timestamp(day(40))),
            ..RenewalScheduled::default()
        })
    };
    let started = || Event::RenewalStarted(RenewalStarted::default());
    for (events, expected) in [
        (vec![scheduled(1)], Some(40)),
        (vec![scheduled(2)], Some(60)),
        (vec![Event::Paused(Default::default())], None),
        (
            vec![
                Event::Paused(Default::default()),
                Event::Resumed(Default::default()),
            ],
            Some(60),
        ),
        (vec![Event::Cancelled(Default::default())], None),
        (vec![started()], None),
        (vec![started(), failed(day(70))], Some(70)),
        (vec![started(), failed(day(70)), started()], None),
    ] {
        let db = after(&[vec![issued()], events.clone()].concat()).await;
        assert_eq!(next(&db).await, expected, "{events:?}");
    }
}

#[tokio::test]
async fn what_was_begun_is_not_due_until_its_end_is_heard_of() {
    let db = after(&[issued()]).await;
    let [row] = due(&db, day(60), 10).await.unwrap().try_into().unwrap();
    begun(&db, std::slice::from_ref(&row)).await.unwrap();
    assert_eq!(next(&db).await, None);
    assert_eq!(busy(&db, day(1), 10).await.unwrap(), 1);
    let started = Event::RenewalStarted(RenewalStarted::default());
    let events = [
        recorded(2, A, &started, day(60)),
        recorded(3, A, &failed(day(61)), day(60)),
    ];
    apply(&db, &events).await;
    assert_eq!(next(&db).await, Some(61));
    // Who comes late changes nothing.
    begun(&db, std::slice::from_ref(&row)).await.unwrap();
    put_off(&db, std::slice::from_ref(&row), day(99))
        .await
        .unwrap();
    assert_eq!(next(&db).await, Some(61));
}

#[tokio::test]
async fn what_was_refused_waits_until_something_happens() {
    let db = after(&[issued()]).await;
    let [row] = due(&db, day(60), 10).await.unwrap().try_into().unwrap();
    put_off(&db, std::slice::from_ref(&row), day(61))
        .await
        .unwrap();
    assert_eq!(next(&db).await, Some(61));
    apply(
        &db,
        &[recorded(2, A, &Event::Resumed(Default::default()), day(2))],
    )
    .await;
    assert_eq!(next(&db).await, Some(60));
}

#[tokio::test]
async fn a_ca_is_asked_again_as_planned_whatever_else_happens() {
    let db = after(&[issued()]).await;
    let [question] = to_ask(&db, day(0), 10).await.unwrap().try_into().unwrap();
    asked(&db, &question, 2, day(3)).await.unwrap();
    let started = Event::RenewalStarted(RenewalStarted::default());
    apply(&db, &[recorded(2, A, &started, day(1))]).await;
    assert_eq!(earliest_question(&db).await.unwrap(), Some(day(3)));
    let [question] = to_ask(&db, day(3), 10).await.unwrap().try_into().unwrap();
    assert_eq!(question.failures, 2);
    // About a paused one nobody is asked, also if it was paused while the CA was being asked.
    let pause = Event::Paused(Default::default());
    apply(&db, &[recorded(3, A, &pause, day(2))]).await;
    asked(&db, &question, 0, day(4)).await.unwrap();
    assert_eq!(earliest_question(&db).await.unwrap(), None);
    let resume = Event::Resumed(Default::default());
    apply(&db, &[recorded(4, A, &resume, day(5))]).await;
    assert_eq!(earliest_question(&db).await.unwrap(), Some(day(5)));
}

#[tokio::test]
async fn an_answer_about_an_older_version_does_not_put_off_the_question_about_the_new() {
    let db = after(&[issued()]).await;
    let [question] = to_ask(&db, day(0), 10).await.unwrap().try_into().unwrap();
    let renewed = Event::Renewed(api::acme::v1::AutomationRenewed {
        version: 2,
        ..Default::default()
    });
    apply(&db, &[recorded(2, A, &renewed, day(1))]).await;
    asked(&db, &question, 0, day(9)).await.unwrap();
    assert_eq!(earliest_question(&db).await.unwrap(), Some(day(1)));
}

#[tokio::test]
async fn the_oldest_are_due_first_and_as_many_as_there_is_room_for() {
    let db = after(&[issued()]).await;
    let events = (1..2_000).map(|n| {
        let automation = Uuid::from_u128(n.into());
        recorded(n, automation, &issued(), day(0))
    });
    apply(&db, &events.collect::<Vec<_>>()).await;
    apply(&db, &[recorded(2_000, B, &failed(day(7)), day(0))]).await;
    let rows = due(&db, day(60), 3).await.unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0].automation, B);
}

/// A pass reads the index up to now, and no row that is not due.
#[tokio::test]
async fn a_pass_costs_nothing_for_what_is_not_due() {
    let db = after(&[]).await;
    let queries = [
        Entity::find()
            .filter(Column::NextAt.lte(0))
            .order_by_asc(Column::NextAt)
            .build(DbBackend::Sqlite),
        Entity::find()
            .filter(Column::AskAt.lte(0))
            .order_by_asc(Column::AskAt)
            .build(DbBackend::Sqlite),
        Entity::find()
            .filter(Column::Busy.eq(true))
            .limit(9)
            .build(DbBackend::Sqlite),
        Entity::find()
            .filter(Column::NextAt.is_not_null())
            .order_by_asc(Column::NextAt)
            .limit(1)
            .build(DbBackend::Sqlite),
    ];
    for query in queries {
        let explain = format!("EXPLAIN QUERY PLAN {query}");
        let rows = db
            .query_all_raw(Statement::from_string(DbBackend::Sqlite, explain))
            .await
            .unwrap();
        let plan = rows.iter().map(|row| row.try_get::<String>("", "detail"));
        let plan = plan.collect::<Result<Vec<_>, _>>().unwrap();
        assert!(plan[0].starts_with("SEARCH") && plan.len() == 1, "{plan:?}");
    }
}
