//! When to look at something watched again. The timer sleeps until the earliest.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, OnConflict},
};
use sea_orm_migration::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Watched;
use crate::instant::{self, micros};

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// What it is.
    pub kind: Watched,
    /// Which one.
    pub id: Uuid,
    /// Another with each mark: what was marked again while it was looked at stays due.
    mark: Uuid,
}

/// Marks something as due now.
///
/// # Errors
/// What the database says.
pub async fn mark(
    db: &impl ConnectionTrait,
    kind: Watched,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    let row = entity::ActiveModel {
        kind: Set(kind.as_str().to_owned()),
        id: Set(id),
        due: Set(micros(now)),
        mark: Set(Uuid::new_v4()),
    };
    let again = OnConflict::columns([entity::Column::Kind, entity::Column::Id])
        .update_columns([entity::Column::Due, entity::Column::Mark])
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(again)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// What is due, the earliest first.
///
/// # Errors
/// What the database says.
pub async fn due(db: &impl ConnectionTrait, now: OffsetDateTime) -> Result<Vec<Deadline>, DbErr> {
    let rows = entity::Entity::find()
        .filter(entity::Column::Due.lte(micros(now)))
        .order_by_asc(entity::Column::Due)
        .limit(AT_A_TIME)
        .all(db)
        .await?;
    let due = rows.into_iter().filter_map(|row| {
        Some(Deadline {
            kind: Watched::parse(&row.kind)?,
            id: row.id,
            mark: row.mark,
        })
    });
    Ok(due.collect())
}

/// When the next one is due.
///
/// # Errors
/// What the database says.
pub async fn next(db: &impl ConnectionTrait) -> Result<Option<OffsetDateTime>, DbErr> {
    let row = entity::Entity::find()
        .order_by_asc(entity::Column::Due)
        .one(db)
        .await?;
    Ok(row.map(|row| instant::time(row.due)))
}

/// It was looked at, and is to be looked at again then, or not at all. Nothing happens where it was
/// marked meanwhile.
///
/// # Errors
/// What the database says.
pub async fn settle(
    db: &impl ConnectionTrait,
    this: &Deadline,
    next: Option<OffsetDateTime>,
) -> Result<(), DbErr> {
    let unchanged = entity::Column::Kind
        .eq(this.kind.as_str())
        .and(entity::Column::Id.eq(this.id))
        .and(entity::Column::Mark.eq(this.mark));
    match next {
        Some(next) => {
            entity::Entity::update_many()
                .col_expr(entity::Column::Due, Expr::value(micros(next)))
                .filter(unchanged)
                .exec(db)
                .await?;
        }
        None => {
            entity::Entity::delete_many()
                .filter(unchanged)
                .exec(db)
                .await?;
        }
    }
    Ok(())
}

const AT_A_TIME: u64 = 500;

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "deadline")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub due: i64,
        pub mark: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `deadline`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000005_deadline"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, string_len, uuid};
        let table = Table::create()
            .table("deadline")
            .col(string_len("kind", 16))
            .col(uuid("id"))
            .col(big_integer("due"))
            .col(uuid("mark"))
            .primary_key(Index::create().col("kind").col("id"))
            .to_owned();
        manager.create_table(table).await?;
        let by_time = Index::create()
            .name("deadline_due")
            .table("deadline")
            .col("due")
            .to_owned();
        manager.create_index(by_time).await
    }
}
