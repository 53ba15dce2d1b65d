//! The rows themselves. Times are microseconds since 1970.

use sea_orm::entity::prelude::*;
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;

use crate::automation::Agenda;

/// One automation.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "schedule")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub automation: Uuid,
    pub paused: bool,
    pub cancelled: bool,
    pub busy: bool,
    pub finalizing: bool,
    pub version: i64,
    pub renew_at: Option<i64>,
    pub retry_at: Option<i64>,
    pub revoked_at: Option<i64>,
    /// When it begins something by itself.
    pub next_at: Option<i64>,
    /// What that is: `chancery.acme.v1.StartCause`.
    pub kind: i32,
    /// When its CA is asked when to renew it.
    pub ask_at: Option<i64>,
    /// How often in a row the CA had no answer.
    pub ask_failures: i32,
    /// The sequence of its last event; 0 in a row that was written before this was kept.
    pub position: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Those that events change, when the CA is to be asked anew.
    pub const COLUMNS: [Column; 13] = [
        Column::Paused,
        Column::Cancelled,
        Column::Busy,
        Column::Finalizing,
        Column::Version,
        Column::RenewAt,
        Column::RetryAt,
        Column::RevokedAt,
        Column::NextAt,
        Column::Kind,
        Column::AskAt,
        Column::AskFailures,
        Column::Position,
    ];

    /// Those that events change else.
    pub const COLUMNS_BUT_QUESTIONS: [Column; 11] = [
        Column::Paused,
        Column::Cancelled,
        Column::Busy,
        Column::Finalizing,
        Column::Version,
        Column::RenewAt,
        Column::RetryAt,
        Column::RevokedAt,
        Column::NextAt,
        Column::Kind,
        Column::Position,
    ];

    /// Of an automation that nothing is known of yet.
    pub fn new(automation: Uuid) -> Self {
        Self {
            automation,
            paused: false,
            cancelled: false,
            busy: false,
            finalizing: false,
            version: 0,
            renew_at: None,
            retry_at: None,
            revoked_at: None,
            next_at: None,
            kind: 0,
            ask_at: None,
            ask_failures: 0,
            position: 0,
        }
    }

    /// What events made of it.
    pub fn agenda(&self) -> Agenda {
        Agenda {
            paused: self.paused,
            cancelled: self.cancelled,
            busy: self.busy,
            finalizing: self.finalizing,
            version: self.version.try_into().unwrap_or(0),
            renew_at: self.renew_at.and_then(instant),
            retry_at: self.retry_at.and_then(instant),
            revoked_at: self.revoked_at.and_then(instant),
        }
    }

    /// The row of an agenda.
    pub fn with(self, agenda: &Agenda) -> Self {
        let next = agenda.next();
        Self {
            paused: agenda.paused,
            cancelled: agenda.cancelled,
            busy: agenda.busy,
            finalizing: agenda.finalizing,
            version: agenda.version.into(),
            renew_at: agenda.renew_at.map(microseconds),
            retry_at: agenda.retry_at.map(microseconds),
            revoked_at: agenda.revoked_at.map(microseconds),
            next_at: next.map(|(at, _)| microseconds(at)),
            kind: next.map_or(0, |(_, cause)| cause.into()),
            ..self
        }
    }
}

/// A time as the table has it.
pub fn microseconds(at: OffsetDateTime) -> i64 {
    // The years 1 to 9999 are far from the largest i64.
    <i64 as TryFrom<i128>>::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

/// The time that the table has; `None` where it is none.
pub fn instant(microseconds: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1_000).ok()
}

/// The table, with an index for each question that is asked all the time.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260201_000001_schedule"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, big_integer_null, boolean, integer, uuid};
        let table = Table::create()
            .table("schedule")
            .col(uuid("automation").primary_key())
            .col(boolean("paused"))
            .col(boolean("cancelled"))
            .col(boolean("busy"))
            .col(boolean("finalizing"))
            .col(big_integer("version"))
            .col(big_integer_null("renew_at"))
            .col(big_integer_null("retry_at"))
            .col(big_integer_null("revoked_at"))
            .col(big_integer_null("next_at"))
            .col(integer("kind"))
            .col(big_integer_null("ask_at"))
            .col(integer("ask_failures"))
            .to_owned();
        manager.create_table(table).await?;
        for column in ["next_at", "ask_at", "busy"] {
            let index = Index::create()
                .name(format!("ix_schedule_{column}"))
                .table("schedule")
                .col(column)
                .to_owned();
            manager.create_index(index).await?;
        }
        // Rows for the automations of before: the follower begins anew. The outbox bears that.
        let anew = Query::delete()
            .from_table("follower_checkpoint")
            .and_where(Expr::col("follower").eq(crate::outbox::Outbox::FOLLOWER))
            .to_owned();
        manager.execute(anew).await
    }
}

/// The column `position`.
pub struct PositionMigration;

impl MigrationName for PositionMigration {
    fn name(&self) -> &str {
        "m20261129_000001_schedule_position"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for PositionMigration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::big_integer;
        let table = Table::alter()
            .table("schedule")
            .add_column(big_integer("position").default(0))
            .to_owned();
        manager.alter_table(table).await
    }
}
