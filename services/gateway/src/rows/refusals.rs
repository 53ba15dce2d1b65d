//! How often somebody did not get in: a number for each account and hour, until the log has it.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::instant::{self, micros};

/// Those of one account in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Whose; `None`: of names that are nobody's.
    pub user: Option<Uuid>,
    /// When the hour began.
    pub hour: OffsetDateTime,
    /// How many.
    pub count: u64,
}

/// Adds so many.
///
/// # Errors
/// What the database says.
pub async fn add(db: &impl ConnectionTrait, refused: Refused) -> Result<(), DbErr> {
    use entity::Column as C;
    let count = refused.count.cast_signed();
    let row = entity::ActiveModel {
        account: Set(account(refused.user)),
        hour: Set(micros(refused.hour)),
        count: Set(count),
    };
    let more = OnConflict::columns([C::Account, C::Hour])
        .value(C::Count, Expr::col((entity::Entity, C::Count)).add(count))
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(more)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Some of the hours that began before, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn before(
    db: &impl ConnectionTrait,
    began: OffsetDateTime,
) -> Result<Vec<Refused>, DbErr> {
    use entity::Column as C;
    let rows = entity::Entity::find()
        .filter(C::Hour.lt(micros(began)))
        .order_by_asc(C::Hour)
        .limit(AT_A_TIME)
        .all(db)
        .await?;
    let refused = rows.into_iter().map(|row| Refused {
        user: Uuid::parse_str(&row.account).ok(),
        hour: instant::time(row.hour),
        count: row.count.cast_unsigned(),
    });
    Ok(refused.collect())
}

/// Strikes off what the log has.
///
/// # Errors
/// What the database says.
pub async fn strike(
    db: &impl ConnectionTrait,
    user: Option<Uuid>,
    hour: OffsetDateTime,
) -> Result<(), DbErr> {
    let key = (account(user), micros(hour));
    entity::Entity::delete_by_id(key).exec(db).await?;
    Ok(())
}

fn account(user: Option<Uuid>) -> String {
    user.map(|user| user.to_string()).unwrap_or_default()
}

const AT_A_TIME: u64 = 100;

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "refused_sign_in")]
    pub struct Model {
        /// A user's id, or nothing.
        #[sea_orm(primary_key, auto_increment = false)]
        pub account: String,
        /// Microseconds.
        #[sea_orm(primary_key, auto_increment = false)]
        pub hour: i64,
        pub count: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `refused_sign_in`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000005_refused_sign_in"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, string};
        let table = Table::create()
            .table("refused_sign_in")
            .col(string("account"))
            .col(big_integer("hour"))
            .col(big_integer("count"))
            .primary_key(Index::create().col("account").col("hour"))
            .to_owned();
        manager.create_table(table).await
    }
}
