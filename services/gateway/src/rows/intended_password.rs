//! Hashes of passwords that were chosen, until the log has that they were: kept under the command that will say so,
//! and put in their place by the follower. So no password counts that the log knows nothing of, and none is lost
//! that it knows of.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::instant::micros;

/// A password that was chosen.
pub struct Intended {
    /// Who says so to the log.
    pub actor: String,
    /// With which request.
    pub request_id: String,
    /// Whose it will be.
    pub user: Uuid,
    /// Its hash.
    pub hash: String,
    /// His session that goes on.
    pub keeps: Option<Uuid>,
}

/// Keeps it, in place of what an earlier try of the same command chose.
///
/// # Errors
/// What the database says.
pub async fn keep(
    db: &impl ConnectionTrait,
    intended: Intended,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    let row = entity::ActiveModel {
        actor: Set(intended.actor),
        request_id: Set(intended.request_id),
        user: Set(intended.user),
        hash: Set(intended.hash),
        keeps: Set(intended.keeps),
        since: Set(micros(now)),
    };
    use entity::Column as C;
    let anew = OnConflict::columns([C::Actor, C::RequestId])
        .update_columns([C::User, C::Hash, C::Keeps, C::Since])
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(anew)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Takes it out.
///
/// # Errors
/// What the database says.
pub async fn take(
    db: &impl ConnectionTrait,
    actor: &str,
    request_id: &str,
) -> Result<Option<Intended>, DbErr> {
    let key = (actor.to_owned(), request_id.to_owned());
    let Some(row) = entity::Entity::find_by_id(key.clone()).one(db).await? else {
        return Ok(None);
    };
    entity::Entity::delete_by_id(key).exec(db).await?;
    Ok(Some(Intended {
        actor: row.actor,
        request_id: row.request_id,
        user: row.user,
        hash: row.hash,
        keeps: row.keeps,
    }))
}

/// Forgets those of a person.
///
/// # Errors
/// What the database says.
pub async fn forget(db: &impl ConnectionTrait, user: Uuid) -> Result<(), DbErr> {
    let his = entity::Column::User.eq(user);
    entity::Entity::delete_many().filter(his).exec(db).await?;
    Ok(())
}

/// Forgets those older than this. Only where the rows have all that the log has: then no event follows them.
///
/// # Errors
/// What the database says.
pub async fn sweep(db: &impl ConnectionTrait, before: OffsetDateTime) -> Result<(), DbErr> {
    let old = entity::Column::Since.lt(micros(before));
    entity::Entity::delete_many().filter(old).exec(db).await?;
    Ok(())
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "intended_password")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub actor: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub request_id: String,
        pub user: Uuid,
        pub hash: String,
        pub keeps: Option<Uuid>,
        /// Microseconds.
        pub since: i64,
    }

    impl std::fmt::Debug for Model {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("IntendedPassword")
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `intended_password`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000002_intended_password"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, string, uuid, uuid_null};
        let table = Table::create()
            .table("intended_password")
            .col(string("actor"))
            .col(string("request_id"))
            .col(uuid("user"))
            .col(string("hash"))
            .col(uuid_null("keeps"))
            .col(big_integer("since"))
            .primary_key(Index::create().col("actor").col("request_id"))
            .to_owned();
        manager.create_table(table).await
    }
}
