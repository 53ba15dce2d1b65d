//! Channels that do not take messages. What is written here is this service's own knowledge, not the log's.

use api::notifier::v1::{MessageKind, Severity};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Set, sea_query::OnConflict};
use sea_orm_migration::prelude::*;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Up, Verdict};

/// A channel that does not take messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Since when.
    pub since: OffsetDateTime,
    /// Why not, without addresses.
    pub reason: String,
}

/// What stands with a channel; `name` is `None` where it was deleted.
pub fn judge(name: Option<&str>, trouble: Option<&Trouble>, now: OffsetDateTime) -> Verdict {
    let over = match name {
        Some(_) => "It takes messages again.",
        None => "It was deleted.",
    };
    let trouble = trouble.filter(|_| name.is_some());
    let at = trouble.map(|trouble| trouble.since + PATIENCE);
    let up = trouble.filter(|_| at.is_some_and(|at| at <= now));
    Verdict {
        name: name.unwrap_or_default().to_owned(),
        up: up.map(|trouble| Up {
            kind: MessageKind::DeliveryFailing,
            severity: Severity::Warning,
            message: format!("It takes no messages: {}.", trouble.reason),
            advice: "Correct its settings, and send a test message.".into(),
            deadline: None,
            since: trouble.since,
            cause: None,
        }),
        next: at.filter(|at| *at > now),
        over: over.into(),
    }
}

/// The trouble of a channel, where it has one.
///
/// # Errors
/// What the database says.
pub async fn of(db: &impl ConnectionTrait, channel: Uuid) -> Result<Option<Trouble>, DbErr> {
    let row = entity::Entity::find_by_id(channel).one(db).await?;
    Ok(row.map(|row| Trouble {
        since: row.since,
        reason: row.reason,
    }))
}

/// Notes that a message was not taken. The first of several counts.
///
/// # Errors
/// What the database says.
pub async fn note(db: &impl ConnectionTrait, channel: Uuid, trouble: Trouble) -> Result<(), DbErr> {
    let row = entity::ActiveModel {
        channel: Set(channel),
        since: Set(trouble.since),
        reason: Set(trouble.reason),
    };
    let first = OnConflict::column(entity::Column::Channel)
        .do_nothing()
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(first)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// A message was taken, or nobody is there to take one: whether there was trouble.
///
/// # Errors
/// What the database says.
pub async fn forget(db: &impl ConnectionTrait, channel: Uuid) -> Result<bool, DbErr> {
    let gone = entity::Entity::delete_by_id(channel).exec(db).await?;
    Ok(gone.rows_affected > 0)
}

/// How long a channel may be away before others are told: a restart is no trouble.
const PATIENCE: Duration = Duration::minutes(15);

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "channel_trouble")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub channel: Uuid,
        pub since: TimeDateTimeWithTimeZone,
        pub reason: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `channel_trouble`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000004_channel_trouble"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{text, timestamp_with_time_zone, uuid};
        let table = Table::create()
            .table("channel_trouble")
            .col(uuid("channel").primary_key())
            .col(timestamp_with_time_zone("since"))
            .col(text("reason"))
            .to_owned();
        manager.create_table(table).await
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_channel_that_is_away_for_a_while_is_told_of() {
        let since = datetime!(2026-01-01 00:00 UTC);
        let trouble = Trouble {
            since,
            reason: "the server answered 451".into(),
        };
        let of = |minutes| {
            judge(
                Some("ops"),
                Some(&trouble),
                since + Duration::minutes(minutes),
            )
        };
        assert_eq!((of(14).up, of(14).next), (None, Some(since + PATIENCE)));
        let up = of(15).up.unwrap();
        assert_eq!(up.message, "It takes no messages: the server answered 451.");
        assert_eq!(of(15).next, None);
        assert_eq!(judge(None, Some(&trouble), since + Duration::DAY).up, None);
        assert_eq!(judge(Some("ops"), None, since).up, None);
    }
}
