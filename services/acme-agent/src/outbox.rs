//! The orders that are wanted or under way: rows that a follower of the log keeps, and that the
//! [`worker`](crate::worker) works off. An order is in it from the event that asks for it to the
//! event that ends it, so that a restart finds what there is to do without reading the whole log.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

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
        let (mut open, mut ended) = (HashMap::new(), HashSet::new());
        for one in heard {
            let automation = one.automation;
            match &one.event {
                Event::Requested(_) | Event::RenewalStarted(_) => {
                    ended.remove(&automation);
                    open.insert(automation, row(automation, one.recorded));
                }
                Event::CertificateIssued(_)
                | Event::Renewed(_)
                | Event::IssuanceFailed(_)
                | Event::RenewalFailed(_) => {
                    open.remove(&automation);
                    ended.insert(automation);
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
        delete(tx, ended).await?;
        put(tx, open).await
    }

    fn changed(&self) -> &[Arc<Notify>] {
        std::slice::from_ref(&self.changed)
    }
}

fn row(automation: Uuid, recorded: &Recorded) -> entity::ActiveModel {
    entity::ActiveModel {
        automation: Set(automation),
        cause: Set(recorded.event_id),
        correlation: Set(recorded.correlation_id),
        // Sequences are far from the largest i64.
        position: Set(recorded.sequence.try_into().unwrap_or(i64::MAX)),
        due: Set(None),
    }
}

async fn delete(tx: &DatabaseTransaction, these: HashSet<Uuid>) -> Result<(), DbErr> {
    let these = these.into_iter().collect::<Vec<_>>();
    for some in these.chunks(ROWS_AT_A_TIME) {
        entity::Entity::delete_many()
            .filter(entity::Column::Automation.is_in(some.iter().copied()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

async fn put(
    tx: &DatabaseTransaction,
    rows: HashMap<Uuid, entity::ActiveModel>,
) -> Result<(), DbErr> {
    let rows = rows.into_values().collect::<Vec<_>>();
    for some in rows.chunks(ROWS_AT_A_TIME) {
        let replace = OnConflict::column(entity::Column::Automation)
            .update_columns([
                entity::Column::Cause,
                entity::Column::Correlation,
                entity::Column::Position,
                entity::Column::Due,
            ])
            .to_owned();
        entity::Entity::insert_many(some.to_vec())
            .on_conflict(replace)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// A statement has at most 32,766 values in SQLite.
const ROWS_AT_A_TIME: usize = 500;

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
mod tests;
