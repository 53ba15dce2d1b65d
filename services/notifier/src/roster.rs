//! Who is to be told: the channels that are there, from the log.

use api::notifier::v1::{ChannelKind, Rule};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Set, sea_query::OnConflict};
use sea_orm_migration::prelude::*;
use uuid::Uuid;

use crate::channel::Channel;

/// A channel that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipient {
    /// Its id.
    pub id: Uuid,
    /// What the log says of it.
    pub channel: Channel,
}

/// All channels.
///
/// # Errors
/// What the database says.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Recipient>, DbErr> {
    let rows = entity::Entity::find().all(db).await?;
    Ok(rows.into_iter().map(Recipient::from).collect())
}

/// One of them.
///
/// # Errors
/// What the database says.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Recipient>, DbErr> {
    let row = entity::Entity::find_by_id(id).one(db).await?;
    Ok(row.map(Recipient::from))
}

/// Keeps a channel as it is now.
///
/// # Errors
/// What the database says.
pub async fn keep(db: &impl ConnectionTrait, recipient: &Recipient) -> Result<(), DbErr> {
    let channel = &recipient.channel;
    let row = entity::ActiveModel {
        id: Set(recipient.id),
        name: Set(channel.name.clone()),
        kind: Set(channel.kind.into()),
        rule: Set(serde_json::to_string(&channel.rule).unwrap_or_default()),
    };
    use entity::Column as C;
    let as_it_is = OnConflict::column(C::Id)
        .update_columns([C::Name, C::Kind, C::Rule])
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(as_it_is)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// A channel is gone.
///
/// # Errors
/// What the database says.
pub async fn remove(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    entity::Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

impl From<entity::Model> for Recipient {
    fn from(row: entity::Model) -> Self {
        let rule: Rule = serde_json::from_str(&row.rule).unwrap_or_default();
        Self {
            id: row.id,
            channel: Channel {
                name: row.name,
                kind: ChannelKind::try_from(row.kind).unwrap_or_default(),
                rule,
            },
        }
    }
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recipient")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub kind: i32,
        /// Proto3 JSON.
        pub rule: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `recipient`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000006_recipient"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{integer, string, text, uuid};
        let table = Table::create()
            .table("recipient")
            .col(uuid("id").primary_key())
            .col(string("name"))
            .col(integer("kind"))
            .col(text("rule"))
            .to_owned();
        manager.create_table(table).await
    }
}
