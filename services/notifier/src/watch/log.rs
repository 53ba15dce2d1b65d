//! The event log itself: the projection reads it through, and tells where it is not what was recorded.

use api::{
    notifier::v1::{MessageKind, Severity},
    projection::v1::DamageFound,
};
use eventlog::Recorded;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Set, sea_query::OnConflict};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Up, Verdict, foreign::SealEvent, held};

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// In words.
    pub what: String,
    /// Since when it is known.
    pub since: OffsetDateTime,
    /// The event that says so.
    pub cause: Uuid,
}

/// It is one thing.
pub const ID: Uuid = Uuid::nil();

/// What stands with it.
pub fn judge(damage: Option<&Damage>) -> Verdict {
    Verdict {
        name: "the event log".to_owned(),
        up: damage.map(|damage| Up {
            kind: MessageKind::LogDamaged,
            severity: Severity::Error,
            message: format!("It is not what was recorded: {}.", damage.what),
            advice: "Keep what is there, stop Chancery, and restore it from a backup that was taken before: \
                     see \"The log is damaged\" in operate.md."
                .into(),
            deadline: None,
            since: damage.since,
            cause: Some(damage.cause),
        }),
        next: None,
        over: "All of it is as it was recorded.".into(),
    }
}

/// Takes in what was found of it.
///
/// # Errors
/// What the database says.
pub async fn take_in(
    db: &impl ConnectionTrait,
    recorded: &Recorded,
    event: &SealEvent,
) -> Result<(), DbErr> {
    match event {
        SealEvent::DamageFound(found) => {
            let row = entity::ActiveModel {
                id: Set(ID),
                what: Set(held(&in_words(found))),
                since: Set(recorded.time),
                cause: Set(recorded.event_id),
            };
            use entity::Column as C;
            // It may be found to be more, and is the same damage: somebody knows of it since it was found first.
            let more = OnConflict::column(C::Id).update_column(C::What).to_owned();
            entity::Entity::insert(row)
                .on_conflict(more)
                .exec_without_returning(db)
                .await?;
        }
        SealEvent::FoundWhole(_) => {
            entity::Entity::delete_by_id(ID).exec(db).await?;
        }
    }
    Ok(())
}

fn in_words(found: &DamageFound) -> String {
    let named = found.findings.iter().take(NAMED);
    let mut words = named.map(|one| one.what.as_str()).collect::<Vec<_>>();
    let more = found.findings.len().saturating_sub(NAMED) as u64 + found.more;
    let rest = format!("and {more} more");
    if more > 0 {
        words.push(&rest);
    }
    words.join("; ")
}

/// What is wrong with it; nothing, where nothing is.
///
/// # Errors
/// What the database says.
pub async fn damage(db: &impl ConnectionTrait) -> Result<Option<Damage>, DbErr> {
    let row = entity::Entity::find_by_id(ID).one(db).await?;
    Ok(row.map(|row| Damage {
        what: row.what,
        since: row.since,
        cause: row.cause,
    }))
}

/// A message names so much; the event has more.
const NAMED: usize = 3;

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "watched_log")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub what: String,
        pub since: TimeDateTimeWithTimeZone,
        pub cause: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `watched_log`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261130_000001_watched_log"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{text, timestamp_with_time_zone, uuid};
        let table = Table::create()
            .table("watched_log")
            .col(uuid("id").primary_key())
            .col(text("what"))
            .col(timestamp_with_time_zone("since"))
            .col(uuid("cause"))
            .to_owned();
        manager.create_table(table).await
    }
}

#[cfg(test)]
mod tests {
    use api::projection::v1::LogFinding;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_damaged_log_wants_somebody_until_it_is_whole() {
        let finding = |sequence: u64| LogFinding {
            first: sequence,
            last: sequence,
            what: format!("event {sequence} is missing"),
        };
        let found = DamageFound {
            position: 90,
            findings: vec![finding(7), finding(9), finding(11), finding(13)],
            more: 2,
        };
        let damage = Damage {
            what: in_words(&found),
            since: datetime!(2026-01-01 00:00 UTC),
            cause: Uuid::from_u128(7),
        };
        let up = judge(Some(&damage)).up.unwrap();
        assert_eq!(up.severity, Severity::Error);
        assert_eq!(
            up.message,
            "It is not what was recorded: event 7 is missing; event 9 is missing; event 11 is missing; and 3 more."
        );
        assert_eq!(judge(None).up, None);
    }
}
