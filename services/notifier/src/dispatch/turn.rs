//! Whose turn it is at a channel: one replica's at a time, for as long as its lease.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set,
    sea_query::{Expr, OnConflict},
};
use sea_orm_migration::prelude::*;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::instant::micros;

/// Takes the turn, or takes it on; `false` where another has it.
///
/// # Errors
/// What the database says.
pub async fn take(
    db: &impl ConnectionTrait,
    channel: Uuid,
    holder: Uuid,
    now: OffsetDateTime,
) -> Result<bool, DbErr> {
    let row = entity::ActiveModel {
        channel: Set(channel),
        holder: Set(holder),
        until: Set(0),
    };
    let first = OnConflict::column(entity::Column::Channel)
        .do_nothing()
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(first)
        .exec_without_returning(db)
        .await?;
    let free = entity::Column::Holder
        .eq(holder)
        .or(entity::Column::Until.lte(micros(now)));
    let taken = entity::Entity::update_many()
        .col_expr(entity::Column::Holder, Expr::value(holder))
        .col_expr(entity::Column::Until, Expr::value(micros(now + LEASE)))
        .filter(entity::Column::Channel.eq(channel).and(free))
        .exec(db)
        .await?;
    Ok(taken.rows_affected > 0)
}

/// Gives the turn up, where it is ours.
///
/// # Errors
/// What the database says.
pub async fn give_up(db: &impl ConnectionTrait, channel: Uuid, holder: Uuid) -> Result<(), DbErr> {
    entity::Entity::update_many()
        .col_expr(entity::Column::Until, Expr::value(0_i64))
        .filter(
            entity::Column::Channel
                .eq(channel)
                .and(entity::Column::Holder.eq(holder)),
        )
        .exec(db)
        .await?;
    Ok(())
}

/// The channel is gone.
///
/// # Errors
/// What the database says.
pub async fn forget(db: &impl ConnectionTrait, channel: Uuid) -> Result<(), DbErr> {
    entity::Entity::delete_by_id(channel).exec(db).await?;
    Ok(())
}

/// Longer than one message takes ([`crate::deliver::LONGEST`]): who holds the turn is still at it, or dead.
pub const LEASE: Duration = Duration::minutes(3);

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "turn")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub channel: Uuid,
        pub holder: Uuid,
        pub until: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `turn`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000010_turn"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, uuid};
        let table = Table::create()
            .table("turn")
            .col(uuid("channel").primary_key())
            .col(uuid("holder"))
            .col(big_integer("until"))
            .to_owned();
        manager.create_table(table).await
    }
}
