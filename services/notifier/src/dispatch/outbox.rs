//! Messages that are to be sent: each is written down whole before it is, and struck off when it was
//! taken and noted, or given up.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Set,
    sea_query::Expr,
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    instant::{self, micros},
    item::Item,
};

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its id: of its Message-ID, or its CloudEvent.
    pub id: Uuid,
    /// To whom.
    pub channel: Uuid,
    /// What it says.
    pub items: Vec<Item>,
    /// Since when it waits.
    pub created: OffsetDateTime,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next: OffsetDateTime,
    /// It was taken, and is to be noted.
    pub taken: bool,
}

/// Writes a message down.
///
/// # Errors
/// What the database says.
pub async fn write(db: &impl ConnectionTrait, message: &Message) -> Result<(), DbErr> {
    let items = serde_json::to_string(&message.items).map_err(unreadable)?;
    let row = entity::ActiveModel {
        id: Set(message.id),
        channel: Set(message.channel),
        items: Set(items),
        created: Set(micros(message.created)),
        attempts: Set(message.attempts.into()),
        next: Set(micros(message.next)),
        taken: Set(message.taken),
    };
    entity::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The messages to a channel, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn of_channel(db: &impl ConnectionTrait, channel: Uuid) -> Result<Vec<Message>, DbErr> {
    let rows = entity::Entity::find()
        .filter(entity::Column::Channel.eq(channel))
        .order_by_asc(entity::Column::Created)
        .all(db)
        .await?;
    let read = rows.into_iter().map(|row| {
        Ok(Message {
            id: row.id,
            channel: row.channel,
            items: serde_json::from_str(&row.items).map_err(unreadable)?,
            created: instant::time(row.created),
            attempts: row.attempts.try_into().unwrap_or(u32::MAX),
            next: instant::time(row.next),
            taken: row.taken,
        })
    });
    read.collect()
}

/// How many there are.
///
/// # Errors
/// What the database says.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    entity::Entity::find().count(db).await
}

/// It was not taken, and is tried again then.
///
/// # Errors
/// What the database says.
pub async fn postpone(
    db: &impl ConnectionTrait,
    message: &Message,
    next: OffsetDateTime,
) -> Result<(), DbErr> {
    entity::Entity::update_many()
        .col_expr(
            entity::Column::Attempts,
            Expr::value(i64::from(message.attempts) + 1),
        )
        .col_expr(entity::Column::Next, Expr::value(micros(next)))
        .filter(entity::Column::Id.eq(message.id))
        .exec(db)
        .await?;
    Ok(())
}

/// It was taken: it is not sent again, and still to be noted.
///
/// # Errors
/// What the database says.
pub async fn take(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    entity::Entity::update_many()
        .col_expr(entity::Column::Taken, Expr::value(true))
        .filter(entity::Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// All that waits for a channel is tried now.
///
/// # Errors
/// What the database says.
pub async fn hurry(
    db: &impl ConnectionTrait,
    channel: Uuid,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    entity::Entity::update_many()
        .col_expr(entity::Column::Next, Expr::value(micros(now)))
        .filter(entity::Column::Channel.eq(channel))
        .exec(db)
        .await?;
    Ok(())
}

/// Strikes a message off.
///
/// # Errors
/// What the database says.
pub async fn strike(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    entity::Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

/// Strikes off all messages to a channel.
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

fn unreadable(error: serde_json::Error) -> DbErr {
    DbErr::Json(error.to_string())
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub channel: Uuid,
        /// JSON.
        pub items: String,
        pub created: i64,
        pub attempts: i64,
        pub next: i64,
        pub taken: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `outbox`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000009_outbox"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, boolean, text, uuid};
        let table = Table::create()
            .table("outbox")
            .col(uuid("id").primary_key())
            .col(uuid("channel"))
            .col(text("items"))
            .col(big_integer("created"))
            .col(big_integer("attempts"))
            .col(big_integer("next"))
            .col(boolean("taken"))
            .to_owned();
        manager.create_table(table).await?;
        let by_channel = Index::create()
            .name("outbox_channel")
            .table("outbox")
            .col("channel")
            .to_owned();
        manager.create_index(by_channel).await
    }
}
