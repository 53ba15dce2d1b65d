//! What happened once: one row for each channel that is told of it, until it has been told.

use api::notifier::v1::{MessageKind, Severity};
use eventlog::Recorded;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    instant::{self, micros},
    item::{About, Item},
    roster, rule,
};

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Notice {
    /// What it was.
    pub kind: MessageKind,
    /// How much it wants somebody.
    pub severity: Severity,
    /// "certificate" or "key".
    pub subject_kind: &'static str,
    /// Which one.
    pub subject_id: String,
    /// What people call it.
    pub name: String,
    /// One sentence.
    pub message: String,
    /// One sentence; may be empty.
    pub advice: String,
    /// The end of the certificate's life.
    pub deadline: Option<OffsetDateTime>,
}

/// Writes down for each channel that wants it what this event tells; what is past its useful life tells nothing.
///
/// # Errors
/// What the database says.
pub async fn write(
    db: &impl ConnectionTrait,
    recorded: &Recorded,
    notice: &Notice,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    if recorded.time + USEFUL_LIFE <= now {
        return Ok(());
    }
    for recipient in roster::all(db).await? {
        if !rule::wants(&recipient.channel.rule, notice.kind, notice.severity) {
            continue;
        }
        // The same event tells the same channel one thing, however often it is read.
        let name = recipient.id.to_string();
        let id = Uuid::new_v5(&recorded.event_id, name.as_bytes());
        let item = Item {
            about: About::Notice { id },
            kind: notice.kind,
            severity: notice.severity,
            subject_kind: notice.subject_kind.to_owned(),
            subject_id: notice.subject_id.clone(),
            name: notice.name.clone(),
            message: notice.message.clone(),
            advice: notice.advice.clone(),
            deadline: notice.deadline,
            since: recorded.time,
        };
        let row = entity::ActiveModel {
            id: Set(id),
            channel: Set(recipient.id),
            at: Set(micros(recorded.time)),
            item: Set(serde_json::to_string(&item).map_err(unreadable)?),
        };
        let once = OnConflict::column(entity::Column::Id)
            .do_nothing()
            .to_owned();
        entity::Entity::insert(row)
            .on_conflict(once)
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// What this channel is still to be told, and when it happened.
///
/// # Errors
/// What the database says.
pub async fn of_channel(
    db: &impl ConnectionTrait,
    channel: Uuid,
) -> Result<Vec<(Item, OffsetDateTime)>, DbErr> {
    let rows = entity::Entity::find()
        .filter(entity::Column::Channel.eq(channel))
        .all(db)
        .await?;
    let read = rows.into_iter().map(|row| {
        let item = serde_json::from_str(&row.item).map_err(unreadable)?;
        Ok((item, instant::time(row.at)))
    });
    read.collect()
}

/// Strikes off what was told, or is not told any more.
///
/// # Errors
/// What the database says.
pub async fn strike(db: &impl ConnectionTrait, ids: &[Uuid]) -> Result<(), DbErr> {
    entity::Entity::delete_many()
        .filter(entity::Column::Id.is_in(ids.iter().copied()))
        .exec(db)
        .await?;
    Ok(())
}

/// Strikes off all that a channel was to be told.
///
/// # Errors
/// What the database says.
pub async fn forget(db: &impl ConnectionTrait, channel: Uuid) -> Result<(), DbErr> {
    entity::Entity::delete_many()
        .filter(entity::Column::Channel.eq(channel))
        .exec(db)
        .await?;
    Ok(())
}

/// After it nobody wants to hear of it any more.
pub const USEFUL_LIFE: Duration = Duration::hours(24);

fn unreadable(error: serde_json::Error) -> DbErr {
    DbErr::Json(error.to_string())
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "notice")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub channel: Uuid,
        pub at: i64,
        /// JSON.
        pub item: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `notice`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000008_notice"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, text, uuid};
        let table = Table::create()
            .table("notice")
            .col(uuid("id").primary_key())
            .col(uuid("channel"))
            .col(big_integer("at"))
            .col(text("item"))
            .to_owned();
        manager.create_table(table).await?;
        let by_channel = Index::create()
            .name("notice_channel")
            .table("notice")
            .col("channel")
            .to_owned();
        manager.create_index(by_channel).await
    }
}
