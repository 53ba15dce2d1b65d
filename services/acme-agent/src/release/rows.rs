//! The automations that were cancelled, and whose certificates are still to be let go of: rows that a
//! follower of the log keeps.

use std::sync::Arc;

use eventlog::{Aggregate, Apply, ApplyError, Recorded};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{automation::Automation, events::AutomationEvent as Event};

/// An automation that was cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The automation.
    pub automation: Uuid,
    /// Its `cancelled`.
    pub cause: Uuid,
    /// The correlation id of that.
    pub correlation: Uuid,
}

/// All of them, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Open>, DbErr> {
    let rows = entity::Entity::find()
        .order_by_asc(entity::Column::Position)
        .all(db)
        .await?;
    let open = rows.into_iter().map(|row| Open {
        automation: row.automation,
        cause: row.cause,
        correlation: row.correlation,
    });
    Ok(open.collect())
}

/// Takes one out whose certificate was let go of.
///
/// # Errors
/// What the database says.
pub async fn close(db: &impl ConnectionTrait, open: &Open) -> Result<(), DbErr> {
    entity::Entity::delete_many()
        .filter(entity::Column::Automation.eq(open.automation))
        .filter(entity::Column::Cause.eq(open.cause))
        .exec(db)
        .await?;
    Ok(())
}

/// Keeps the rows; tells who works on them when there may be new ones.
pub struct Releases {
    changed: Arc<Notify>,
}

impl Releases {
    /// `changed` is notified after each batch.
    pub fn new(changed: Arc<Notify>) -> Self {
        Self { changed }
    }
}

#[async_trait::async_trait]
impl Apply for Releases {
    async fn apply(
        &mut self,
        tx: &DatabaseTransaction,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        for recorded in events.iter().filter(|e| e.aggregate == Automation::NAME) {
            let event = recorded.decode::<Event>();
            let event = event.map_err(|e| ApplyError::event(recorded, e))?;
            let automation = Uuid::parse_str(&recorded.id);
            let automation = automation.map_err(|e| ApplyError::event(recorded, e))?;
            if let Event::Cancelled(_) = event {
                open(tx, automation, recorded).await?;
            }
        }
        Ok(())
    }

    async fn committed(&mut self, _: u64, _: &[Recorded]) {
        // Also without events of ours: then another replica may have written the rows, and be gone.
        self.changed.notify_one();
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
    };
    // It is cancelled once.
    let first = OnConflict::column(entity::Column::Automation)
        .do_nothing()
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(first)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "open_release")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub automation: Uuid,
        pub cause: Uuid,
        pub correlation: Uuid,
        pub position: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `open_release`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260201_000002_open_release"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, uuid};
        let table = Table::create()
            .table("open_release")
            .col(uuid("automation").primary_key())
            .col(uuid("cause"))
            .col(uuid("correlation"))
            .col(big_integer("position"))
            .to_owned();
        manager.create_table(table).await
    }
}
