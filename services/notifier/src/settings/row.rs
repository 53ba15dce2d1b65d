//! Settings in the database, and the names of channels, which are unique: a row is claimed before the
//! event that uses the name, and one that no event followed is swept when somebody wants the name.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Settings;
use crate::instant::{self, micros};

/// Who has a name, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The channel.
    pub channel: Uuid,
    /// Since when.
    pub since: OffsetDateTime,
}

/// Claims a name: the claim that now stands, which is another's where the name was taken.
///
/// # Errors
/// What the database says.
pub async fn claim(db: &impl ConnectionTrait, text: &str, mine: Claim) -> Result<Claim, DbErr> {
    let row = name::ActiveModel {
        name: Set(folded(text)),
        channel: Set(mine.channel),
        since: Set(micros(mine.since)),
    };
    // One statement, so that a claim that is given up meanwhile is not answered as ours without a row.
    let as_it_was = OnConflict::column(name::Column::Name)
        .update_column(name::Column::Name)
        .to_owned();
    let standing = name::Entity::insert(row)
        .on_conflict(as_it_was)
        .exec_with_returning(db)
        .await?;
    Ok(Claim {
        channel: standing.channel,
        since: instant::time(standing.since),
    })
}

/// Gives a name up, where this channel has it.
///
/// # Errors
/// What the database says.
pub async fn release(db: &impl ConnectionTrait, text: &str, channel: Uuid) -> Result<(), DbErr> {
    let this = name::Column::Name
        .eq(folded(text))
        .and(name::Column::Channel.eq(channel));
    name::Entity::delete_many().filter(this).exec(db).await?;
    Ok(())
}

/// Gives up every name of a channel but this one.
///
/// # Errors
/// What the database says.
pub async fn release_others(
    db: &impl ConnectionTrait,
    text: &str,
    channel: Uuid,
) -> Result<(), DbErr> {
    let others = name::Column::Name
        .ne(folded(text))
        .and(name::Column::Channel.eq(channel));
    name::Entity::delete_many().filter(others).exec(db).await?;
    Ok(())
}

/// The channel with this name.
///
/// # Errors
/// What the database says.
pub async fn named(db: &impl ConnectionTrait, text: &str) -> Result<Option<Uuid>, DbErr> {
    let row = name::Entity::find_by_id(folded(text)).one(db).await?;
    Ok(row.map(|row| row.channel))
}

/// Whether two texts are one name.
pub fn are_one(a: &str, b: &str) -> bool {
    folded(a) == folded(b)
}

/// Keeps a channel's settings, in place of those that it had.
///
/// # Errors
/// What the database says.
pub async fn keep(
    db: &impl ConnectionTrait,
    channel: Uuid,
    settings: &Settings,
) -> Result<(), DbErr> {
    let json = serde_json::to_string(settings);
    let row = entity::ActiveModel {
        channel: Set(channel),
        settings: Set(json.map_err(|error| DbErr::Json(error.to_string()))?),
    };
    let anew = OnConflict::column(entity::Column::Channel)
        .update_column(entity::Column::Settings)
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(anew)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// A channel's settings.
///
/// # Errors
/// What the database says.
pub async fn of(db: &impl ConnectionTrait, channel: Uuid) -> Result<Option<Settings>, DbErr> {
    let row = entity::Entity::find_by_id(channel).one(db).await?;
    let read = row.map(|row| serde_json::from_str(&row.settings));
    // The parser's words would show an address.
    read.transpose()
        .map_err(|_| DbErr::Json("the settings of a channel cannot be read".to_owned()))
}

/// Erases all that is here of a channel.
///
/// # Errors
/// What the database says.
pub async fn forget(db: &impl ConnectionTrait, channel: Uuid) -> Result<(), DbErr> {
    entity::Entity::delete_by_id(channel).exec(db).await?;
    name::Entity::delete_many()
        .filter(name::Column::Channel.eq(channel))
        .exec(db)
        .await?;
    Ok(())
}

/// A name as it is compared: without regard to case.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "channel_settings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub channel: Uuid,
        /// JSON.
        pub settings: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod name {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "channel_name")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub channel: Uuid,
        pub since: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The tables `channel_settings` and `channel_name`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000011_channel_settings"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, string, text, uuid};
        let settings = Table::create()
            .table("channel_settings")
            .col(uuid("channel").primary_key())
            .col(text("settings"))
            .to_owned();
        manager.create_table(settings).await?;
        let names = Table::create()
            .table("channel_name")
            .col(string("name").primary_key())
            .col(uuid("channel"))
            .col(big_integer("since"))
            .to_owned();
        manager.create_table(names).await
    }
}
