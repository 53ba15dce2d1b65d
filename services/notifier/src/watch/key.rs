//! The public keys whose private keys are here.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use uuid::Uuid;

use super::foreign::KeyEvent;

/// Takes in what happened to a key; answers the hash of its public key, where it came or went.
///
/// # Errors
/// What the database says.
pub async fn take_in(
    db: &impl ConnectionTrait,
    id: Uuid,
    event: &KeyEvent,
) -> Result<Option<String>, DbErr> {
    let spki_sha256 = match event {
        KeyEvent::Generated(generated) => generated.spki_sha256.clone(),
        KeyEvent::Imported(imported) => imported.spki_sha256.clone(),
        KeyEvent::Exported(_) => return Ok(None),
        KeyEvent::Destroyed(_) => {
            let row = entity::Entity::find_by_id(id).one(db).await?;
            entity::Entity::delete_by_id(id).exec(db).await?;
            return Ok(row.map(|row| row.spki_sha256));
        }
    };
    let row = entity::ActiveModel {
        id: Set(id),
        spki_sha256: Set(spki_sha256.clone()),
    };
    let keep = OnConflict::column(entity::Column::Id)
        .do_nothing()
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(keep)
        .exec_without_returning(db)
        .await?;
    Ok(Some(spki_sha256))
}

/// Whether the private key of this public key is here.
///
/// # Errors
/// What the database says.
pub async fn is_here(db: &impl ConnectionTrait, spki_sha256: &str) -> Result<bool, DbErr> {
    let row = entity::Entity::find()
        .filter(entity::Column::SpkiSha256.eq(spki_sha256))
        .one(db)
        .await?;
    Ok(row.is_some())
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "watched_key")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub spki_sha256: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `watched_key`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000002_watched_key"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{string_len, uuid};
        let table = Table::create()
            .table("watched_key")
            .col(uuid("id").primary_key())
            .col(string_len("spki_sha256", 64))
            .to_owned();
        manager.create_table(table).await?;
        let by_public_key = Index::create()
            .name("watched_key_spki_sha256")
            .table("watched_key")
            .col("spki_sha256")
            .to_owned();
        manager.create_index(by_public_key).await
    }
}
