//! The tables of the projection: they stop at an event that they cannot take in, and no list goes past it.

use api::notifier::v1::{MessageKind, Severity};
use eventlog::Recorded;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Set, sea_query::OnConflict};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Up, Verdict, foreign::TablesEvent, held};

/// Where they stand still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// The event's place in the log.
    pub sequence: u64,
    /// Its kind: "automation.order-placed".
    pub event: String,
    /// Why it cannot be taken in.
    pub error: String,
    /// Since when.
    pub since: OffsetDateTime,
    /// The event that says so.
    pub cause: Uuid,
}

/// They are one thing.
pub const ID: Uuid = Uuid::nil();

/// What stands with them.
pub fn judge(stopped: Option<&Stopped>) -> Verdict {
    Verdict {
        name: "the tables".to_owned(),
        up: stopped.map(|stopped| Up {
            kind: MessageKind::TablesStopped,
            severity: Severity::Error,
            message: format!(
                "They stopped at event {} ({}): {}.",
                stopped.sequence, stopped.event, stopped.error
            ),
            advice: format!(
                "No list goes past it. See whether a newer version knows the event; where none does, have it passed over: \
                 chancery projection skip {}.",
                stopped.sequence
            ),
            deadline: None,
            since: stopped.since,
            cause: Some(stopped.cause),
        }),
        next: None,
        over: "They follow the log again.".into(),
    }
}

/// Takes in what happened to them.
///
/// # Errors
/// What the database says.
pub async fn take_in(
    db: &impl ConnectionTrait,
    recorded: &Recorded,
    event: &TablesEvent,
) -> Result<(), DbErr> {
    match event {
        TablesEvent::Stopped(stopped) => {
            let row = entity::ActiveModel {
                id: Set(ID),
                sequence: Set(stopped.sequence.cast_signed()),
                event: Set(held(&stopped.event)),
                error: Set(held(&stopped.error)),
                since: Set(recorded.time),
                cause: Set(recorded.event_id),
            };
            use entity::Column as C;
            let last = OnConflict::column(C::Id)
                .update_columns([C::Sequence, C::Event, C::Error, C::Since, C::Cause])
                .to_owned();
            entity::Entity::insert(row)
                .on_conflict(last)
                .exec_without_returning(db)
                .await?;
        }
        TablesEvent::EventSkipped(_) | TablesEvent::Resumed(_) => {
            entity::Entity::delete_by_id(ID).exec(db).await?;
        }
    }
    Ok(())
}

/// Where they stand still; nothing, where they do not.
///
/// # Errors
/// What the database says.
pub async fn stopped(db: &impl ConnectionTrait) -> Result<Option<Stopped>, DbErr> {
    let row = entity::Entity::find_by_id(ID).one(db).await?;
    Ok(row.map(|row| Stopped {
        sequence: row.sequence.cast_unsigned(),
        event: row.event,
        error: row.error,
        since: row.since,
        cause: row.cause,
    }))
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "watched_tables")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub sequence: i64,
        pub event: String,
        pub error: String,
        pub since: TimeDateTimeWithTimeZone,
        pub cause: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `watched_tables`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260601_000001_watched_tables"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, text, timestamp_with_time_zone, uuid};
        let table = Table::create()
            .table("watched_tables")
            .col(uuid("id").primary_key())
            .col(big_integer("sequence"))
            .col(text("event"))
            .col(text("error"))
            .col(timestamp_with_time_zone("since"))
            .col(uuid("cause"))
            .to_owned();
        manager.create_table(table).await
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn tables_that_stand_still_want_somebody_until_they_do_not() {
        let stopped = Stopped {
            sequence: 7,
            event: "automation.order-placed".into(),
            error: "there is no automation".into(),
            since: datetime!(2026-01-01 00:00 UTC),
            cause: Uuid::from_u128(7),
        };
        let up = judge(Some(&stopped)).up.unwrap();
        assert_eq!(up.severity, Severity::Error);
        assert_eq!(
            up.message,
            "They stopped at event 7 (automation.order-placed): there is no automation."
        );
        assert!(up.advice.ends_with("chancery projection skip 7."));
        assert_eq!(judge(None).up, None);
    }
}
