//! Browsers that their person has signed in with before: each carries a secret of its own, which opens nothing, but
//! gives it a count of its own ([`super::limiter`]). After OWASP's "device cookies".

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{code::CodeDigest, instant::micros};

/// Whose browser this is, by the hash of its secret.
///
/// # Errors
/// What the database says.
pub async fn person_of(
    db: &impl ConnectionTrait,
    digest: CodeDigest,
) -> Result<Option<Uuid>, DbErr> {
    let row = entity::Entity::find_by_id(digest.to_hex()).one(db).await?;
    Ok(row.map(|row| row.user))
}

/// A person has signed in with this browser. Of many, those used last are kept.
///
/// # Errors
/// What the database says.
pub async fn remember(
    db: &impl ConnectionTrait,
    user: Uuid,
    digest: CodeDigest,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    let row = entity::ActiveModel {
        digest: Set(digest.to_hex()),
        user: Set(user),
        used: Set(micros(now)),
    };
    let again = OnConflict::column(entity::Column::Digest)
        .update_columns([entity::Column::User, entity::Column::Used])
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(again)
        .exec_without_returning(db)
        .await?;
    let kept = entity::Entity::find()
        .select_only()
        .column(entity::Column::Digest)
        .filter(entity::Column::User.eq(user))
        .order_by_desc(entity::Column::Used)
        .limit(MOST_EACH)
        .into_query();
    entity::Entity::delete_many()
        .filter(entity::Column::User.eq(user))
        .filter(entity::Column::Digest.not_in_subquery(kept))
        .exec(db)
        .await?;
    Ok(())
}

/// A browser is known by another secret now.
///
/// # Errors
/// What the database says.
pub async fn forget(db: &impl ConnectionTrait, digest: CodeDigest) -> Result<(), DbErr> {
    let row = entity::Entity::delete_by_id(digest.to_hex());
    row.exec(db).await?;
    Ok(())
}

/// A person's browsers are strangers again.
///
/// # Errors
/// What the database says.
pub async fn forget_all(db: &impl ConnectionTrait, user: Uuid) -> Result<(), DbErr> {
    entity::Entity::delete_many()
        .filter(entity::Column::User.eq(user))
        .exec(db)
        .await?;
    Ok(())
}

/// The most browsers of one person.
const MOST_EACH: u64 = 20;

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "known_browser")]
    pub struct Model {
        /// SHA-256, hexadecimal.
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub user: Uuid,
        pub used: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `known_browser`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000053_known_browser"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, string, uuid};
        let browsers = Table::create()
            .table("known_browser")
            .col(string("digest").primary_key())
            .col(uuid("user"))
            .col(big_integer("used"))
            .to_owned();
        manager.create_table(browsers).await?;
        let by_user = Index::create()
            .name("known_browser_by_user")
            .table("known_browser")
            .col("user")
            .to_owned();
        manager.create_index(by_user).await
    }
}
