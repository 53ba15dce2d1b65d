//! The orders that are wanted or under way: rows that a follower of the log keeps, and that the
//! [`worker`](crate::worker) works off. An order is in it from the event that asks for it to the
//! event that ends it, so that a restart finds what there is to do without reading the whole log.

use std::sync::Arc;

use eventlog::{Origin, Recorded};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Set,
    sea_query::{OnConflict, SelectStatement},
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    events::AutomationEvent as Event,
    together::{Heard, Rows},
};

/// One order to work on, and what asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The automation.
    pub automation: Uuid,
    /// The event that asked for the order: `requested` or `renewal-started`.
    pub cause: Uuid,
    /// The correlation id of that event.
    pub correlation: Uuid,
}

impl Open {
    /// What every event of this order brings: the same cause is always the same request.
    pub fn origin(&self, service: &str) -> Origin {
        Origin::reaction(format!("service/{service}"), self.cause, self.correlation)
    }
}

/// The open orders that may be worked on now, the oldest first, but for those with these causes.
///
/// # Errors
/// What the database says.
pub async fn oldest(
    db: &impl ConnectionTrait,
    but: &[Uuid],
    now: OffsetDateTime,
    most: u64,
) -> Result<Vec<Open>, DbErr> {
    let due = entity::Column::Due.is_null();
    let due = due.or(entity::Column::Due.lte(now.unix_timestamp()));
    let rows = entity::Entity::find()
        .filter(entity::Column::Cause.is_not_in(but.iter().copied()))
        .filter(due)
        .order_by_asc(entity::Column::Position)
        .limit(most)
        .all(db)
        .await?;
    let open = rows.into_iter().map(|row| Open {
        automation: row.automation,
        cause: row.cause,
        correlation: row.correlation,
    });
    Ok(open.collect())
}

/// Leaves an order alone until then, by all replicas and also after a restart.
///
/// # Errors
/// What the database says.
pub async fn postpone(
    db: &impl ConnectionTrait,
    order: &Open,
    until: OffsetDateTime,
) -> Result<(), DbErr> {
    // In whole seconds, and never before its time.
    let due = until.unix_timestamp() + 1;
    entity::Entity::update_many()
        .col_expr(entity::Column::Due, Expr::value(due))
        .filter(entity::Column::Automation.eq(order.automation))
        .filter(entity::Column::Cause.eq(order.cause))
        .exec(db)
        .await?;
    Ok(())
}

/// The automations whose orders are left alone for now: they keep nobody busy.
pub fn put_off(now: OffsetDateTime) -> SelectStatement {
    entity::Entity::find()
        .select_only()
        .column(entity::Column::Automation)
        .filter(entity::Column::Due.gt(now.unix_timestamp()))
        .into_query()
}

/// When the next order that was left alone may be worked on again.
///
/// # Errors
/// What the database says.
pub async fn next_due(
    db: &impl ConnectionTrait,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, DbErr> {
    let next = entity::Entity::find()
        .filter(entity::Column::Due.gt(now.unix_timestamp()))
        .order_by_asc(entity::Column::Due)
        .one(db)
        .await?;
    let due = next.and_then(|row| row.due);
    Ok(due.and_then(|due| OffsetDateTime::from_unix_timestamp(due).ok()))
}

/// How many orders there are.
///
/// # Errors
/// What the database says.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    entity::Entity::find().count(db).await
}

/// Takes an order out that has ended, before the follower comes to its end. A later order of the same
/// automation stays.
///
/// # Errors
/// What the database says.
pub async fn close(db: &impl ConnectionTrait, order: &Open) -> Result<(), DbErr> {
    entity::Entity::delete_many()
        .filter(entity::Column::Automation.eq(order.automation))
        .filter(entity::Column::Cause.eq(order.cause))
        .exec(db)
        .await?;
    Ok(())
}

/// Keeps the rows; tells the worker when there may be new ones.
pub struct Outbox {
    changed: Arc<Notify>,
}

impl Outbox {
    /// The name of the follower's checkpoint.
    pub const FOLLOWER: &'static str = "orders";

    /// `changed` is notified after each batch.
    pub fn new(changed: Arc<Notify>) -> Self {
        Self { changed }
    }
}

#[async_trait::async_trait]
impl Rows for Outbox {
    async fn hear(&mut self, tx: &DatabaseTransaction, heard: &[Heard<'_>]) -> Result<(), DbErr> {
        for one in heard {
            let (automation, recorded) = (one.automation, one.recorded);
            match &one.event {
                Event::Requested(_) | Event::RenewalStarted(_) => {
                    open(tx, automation, recorded).await?;
                }
                Event::CertificateIssued(_)
                | Event::Renewed(_)
                | Event::IssuanceFailed(_)
                | Event::RenewalFailed(_) => {
                    entity::Entity::delete_by_id(automation).exec(tx).await?;
                }
                Event::OrderIntended(_)
                | Event::OrderPlaced(_)
                | Event::FinalizeIntended(_)
                | Event::RenewalScheduled(_)
                | Event::Paused(_)
                | Event::Resumed(_)
                | Event::Cancelled(_)
                | Event::RevocationIntended(_)
                | Event::Revoked(_)
                | Event::RevocationFailed(_) => {}
            }
        }
        Ok(())
    }

    fn changed(&self) -> &[Arc<Notify>] {
        std::slice::from_ref(&self.changed)
    }
}

async fn open(
    tx: &DatabaseTransaction,
    automation: Uuid,
    recorded: &Recorded,
) -> Result<(), DbErr> {
    let row = entity::ActiveModel {
        automation: Set(automation),
        cause: Set(recorded.event_id),
        correlation: Set(recorded.correlation_id),
        // Sequences are far from the largest i64.
        position: Set(recorded.sequence.try_into().unwrap_or(i64::MAX)),
        due: Set(None),
    };
    let replace = OnConflict::column(entity::Column::Automation)
        .update_columns([
            entity::Column::Cause,
            entity::Column::Correlation,
            entity::Column::Position,
            entity::Column::Due,
        ])
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "open_order")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub automation: Uuid,
        pub cause: Uuid,
        pub correlation: Uuid,
        pub position: i64,
        /// In seconds; none: at once.
        pub due: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `open_order`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000003_open_order"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, uuid};
        let table = Table::create()
            .table("open_order")
            .col(uuid("automation").primary_key())
            .col(uuid("cause"))
            .col(uuid("correlation"))
            .col(big_integer("position"))
            .to_owned();
        manager.create_table(table).await
    }
}

/// Its column `due`.
pub struct DueMigration;

impl MigrationName for DueMigration {
    fn name(&self) -> &str {
        "m20260101_000011_open_order_due"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for DueMigration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::big_integer_null;
        let table = Table::alter()
            .table("open_order")
            .add_column(big_integer_null("due"))
            .to_owned();
        manager.alter_table(table).await?;
        let index = Index::create()
            .name("open_order_due")
            .table("open_order")
            .col("due")
            .to_owned();
        manager.create_index(index).await
    }
}

#[cfg(test)]
mod tests {
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
}
