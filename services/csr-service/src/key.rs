//! The keys that are in the keystore, by their public key: a certificate or a request says which key it
//! has, and the key may have come later, or be gone. Rows that the follower of the log keeps.

use api::keystore::v1;
use eventlog::Recorded;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, Set,
    sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use uuid::Uuid;

/// The keystore's name for the aggregate.
pub const AGGREGATE: &str = "key";

eventlog::events! {
    /// What happens to a key, as far as it matters here. The rest is passed over.
    pub enum KeyEvent {
        /// It was made.
        Generated("generated"): v1::KeyGenerated = "chancery.keystore.v1.KeyGenerated",
        /// It came in from outside.
        Imported("imported"): v1::KeyImported = "chancery.keystore.v1.KeyImported",
        /// It is shredded.
        Destroyed("destroyed"): v1::KeyDestroyed = "chancery.keystore.v1.KeyDestroyed",
    }
}

/// The key that is here with this public key (SHA-256 of its subjectPublicKeyInfo, hex), the newest if
/// there should be two.
///
/// # Errors
/// What the database says.
pub async fn of_public_key(
    db: &impl ConnectionTrait,
    spki_sha256: &str,
) -> Result<Option<Uuid>, DbErr> {
    let row = entity::Entity::find()
        .filter(entity::Column::SpkiSha256.eq(spki_sha256))
        .order_by_desc(entity::Column::Position)
        .one(db)
        .await?;
    Ok(row.map(|row| row.id))
}

/// Takes in what happened to a key.
///
/// # Errors
/// What the database says.
pub async fn take_in(
    db: &impl ConnectionTrait,
    id: Uuid,
    recorded: &Recorded,
    event: KeyEvent,
) -> Result<(), DbErr> {
    let spki_sha256 = match event {
        KeyEvent::Generated(generated) => generated.spki_sha256,
        KeyEvent::Imported(imported) => imported.spki_sha256,
        KeyEvent::Destroyed(_) => {
            entity::Entity::delete_by_id(id).exec(db).await?;
            return Ok(());
        }
    };
    let row = entity::ActiveModel {
        id: Set(id),
        spki_sha256: Set(spki_sha256),
        // Sequences are far from the largest i64.
        position: Set(recorded.sequence.try_into().unwrap_or(i64::MAX)),
    };
    let keep = OnConflict::column(entity::Column::Id)
        .do_nothing()
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(keep)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "key")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub spki_sha256: String,
        pub position: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `key`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000001_key"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, string_len, uuid};
        let table = Table::create()
            .table("key")
            .col(uuid("id").primary_key())
            .col(string_len("spki_sha256", 64))
            .col(big_integer("position"))
            .to_owned();
        manager.create_table(table).await?;
        let by_public_key = Index::create()
            .name("key_spki_sha256")
            .table("key")
            .col("spki_sha256")
            .to_owned();
        manager.create_index(by_public_key).await
    }
}
