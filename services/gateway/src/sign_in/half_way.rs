//! Sign-ins that are half way: the password was right, and the code of the second factor is still to come.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set};
use sea_orm_migration::prelude::*;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{code::CodeDigest, instant::micros};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HalfWay {
    /// Who it is, if the code is right too.
    pub user: Uuid,
    /// Of the person, when the password was right: another one since, and this opens nothing.
    pub credentials: i64,
}

/// Keeps one, by the hash of its secret, for [`LASTS`]. What is over is swept.
///
/// # Errors
/// What the database says.
pub async fn keep(
    db: &impl ConnectionTrait,
    digest: CodeDigest,
    half_way: HalfWay,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    entity::Entity::delete_many()
        .filter(entity::Column::Ends.lt(micros(now)))
        .exec(db)
        .await?;
    let row = entity::ActiveModel {
        digest: Set(digest.to_hex()),
        user: Set(half_way.user),
        credentials: Set(half_way.credentials),
        ends: Set(micros(now + LASTS)),
    };
    entity::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The one with this secret, where it is not over.
///
/// # Errors
/// What the database says.
pub async fn find(
    db: &impl ConnectionTrait,
    digest: CodeDigest,
    now: OffsetDateTime,
) -> Result<Option<HalfWay>, DbErr> {
    let row = entity::Entity::find_by_id(digest.to_hex()).one(db).await?;
    let row = row.filter(|row| row.ends > micros(now));
    Ok(row.map(|row| HalfWay {
        user: row.user,
        credentials: row.credentials,
    }))
}

/// Ends one: whether it was there, which it is once.
///
/// # Errors
/// What the database says.
pub async fn take(db: &impl ConnectionTrait, digest: CodeDigest) -> Result<bool, DbErr> {
    let taken = entity::Entity::delete_by_id(digest.to_hex())
        .exec(db)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Time enough to find one's phone.
pub const LASTS: Duration = Duration::minutes(5);

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "half_signed_in")]
    pub struct Model {
        /// SHA-256, hexadecimal.
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub user: Uuid,
        pub credentials: i64,
        pub ends: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `half_signed_in`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000054_half_signed_in"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, string, uuid};
        let rows = Table::create()
            .table("half_signed_in")
            .col(string("digest").primary_key())
            .col(uuid("user"))
            .col(big_integer("credentials"))
            .col(big_integer("ends"))
            .to_owned();
        manager.create_table(rows).await
    }
}
