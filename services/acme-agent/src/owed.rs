//! What events of automations still ask of us: revocations that have not ended, and certificates of cancelled
//! automations that are still to be let go of. Rows that a follower of the log keeps, from the event that asks until
//! it is done.

use std::sync::Arc;

use eventlog::Recorded;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, DeriveActiveEnum, EntityTrait,
    EnumIter, PaginatorTrait, QueryFilter, QueryOrder, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    events::AutomationEvent as Event,
    together::{Heard, Rows},
};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(
    rs_type = "String",
    db_type = "String(StringLen::N(20))",
    rename_all = "kebab-case"
)]
pub enum What {
    /// To have a version revoked: from `revocation-intended` on.
    Revocation,
    /// To let go of the certificate: from `cancelled` on.
    Release,
}

/// Something that is owed to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// What.
    pub what: What,
    /// The automation.
    pub automation: Uuid,
    /// The event that asks for it.
    pub cause: Uuid,
    /// The correlation id of that.
    pub correlation: Uuid,
}

/// All of a kind, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn all(db: &impl ConnectionTrait, what: What) -> Result<Vec<Owed>, DbErr> {
    let rows = entity::Entity::find()
        .filter(entity::Column::What.eq(what))
        .order_by_asc(entity::Column::Position)
        .all(db)
        .await?;
    let owed = rows.into_iter().map(|row| Owed {
        what: row.what,
        automation: row.automation,
        cause: row.cause,
        correlation: row.correlation,
    });
    Ok(owed.collect())
}

/// How many there are of a kind.
///
/// # Errors
/// What the database says.
pub async fn count(db: &impl ConnectionTrait, what: What) -> Result<u64, DbErr> {
    let all = entity::Entity::find().filter(entity::Column::What.eq(what));
    all.count(db).await
}

/// Takes one out that is done, before the follower comes to its end.
///
/// # Errors
/// What the database says.
pub async fn close(db: &impl ConnectionTrait, owed: &Owed) -> Result<(), DbErr> {
    entity::Entity::delete_many()
        .filter(entity::Column::What.eq(owed.what))
        .filter(entity::Column::Automation.eq(owed.automation))
        .filter(entity::Column::Cause.eq(owed.cause))
        .exec(db)
        .await?;
    Ok(())
}

/// Keeps the rows; tells who works on them when there may be new ones.
pub struct Owing {
    changed: Vec<Arc<Notify>>,
}

impl Owing {
    /// All of `changed` are notified after each batch.
    pub fn new(changed: Vec<Arc<Notify>>) -> Self {
        Self { changed }
    }
}

#[async_trait::async_trait]
impl Rows for Owing {
    async fn hear(&mut self, tx: &DatabaseTransaction, heard: &[Heard<'_>]) -> Result<(), DbErr> {
        for one in heard {
            let (automation, recorded) = (one.automation, one.recorded);
            match &one.event {
                Event::RevocationIntended(_) => {
                    write(tx, What::Revocation, automation, recorded).await?;
                }
                Event::Revoked(_) | Event::RevocationFailed(_) => {
                    let ended = (What::Revocation, automation);
                    entity::Entity::delete_by_id(ended).exec(tx).await?;
                }
                // It is done by the answer of the keystore: no event of the automation ends it.
                Event::Cancelled(_) => write(tx, What::Release, automation, recorded).await?,
                _ => {}
            }
        }
        Ok(())
    }

    fn changed(&self) -> &[Arc<Notify>] {
        &self.changed
    }
}

async fn write(
    tx: &DatabaseTransaction,
    what: What,
    automation: Uuid,
    recorded: &Recorded,
) -> Result<(), DbErr> {
    let row = entity::ActiveModel {
        what: Set(what),
        automation: Set(automation),
        cause: Set(recorded.event_id),
        correlation: Set(recorded.correlation_id),
        // Sequences are far from the largest i64.
        position: Set(recorded.sequence.try_into().unwrap_or(i64::MAX)),
    };
    // There is one of a kind at a time.
    let replace = OnConflict::columns([entity::Column::What, entity::Column::Automation])
        .update_columns([
            entity::Column::Cause,
            entity::Column::Correlation,
            entity::Column::Position,
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
    #[sea_orm(table_name = "owed")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub what: super::What,
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

/// The table `owed`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260201_000002_owed"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, string_len, uuid};
        let table = Table::create()
            .table("owed")
            .col(string_len("what", 20))
            .col(uuid("automation"))
            .col(uuid("cause"))
            .col(uuid("correlation"))
            .col(big_integer("position"))
            .primary_key(Index::create().col("what").col("automation"))
            .to_owned();
        manager.create_table(table).await
    }
}
