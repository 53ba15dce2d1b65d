//! Whether the set-up link was used: the copy of what the log says.

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, sea_query::OnConflict};
use sea_orm_migration::prelude::*;

/// It was.
///
/// # Errors
/// What the database says.
pub async fn note(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    let row = entity::ActiveModel { id: Set(ID) };
    let once = OnConflict::column(entity::Column::Id)
        .do_nothing()
        .to_owned();
    entity::Entity::insert(row)
        .on_conflict(once)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Whether it was.
///
/// # Errors
/// What the database says.
pub async fn is_done(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(entity::Entity::find_by_id(ID).one(db).await?.is_some())
}

/// Of the one row.
const ID: i32 = 1;

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "set_up")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `set_up`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000006_set_up"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::integer;
        let table = Table::create()
            .table("set_up")
            .col(integer("id").primary_key())
            .to_owned();
        manager.create_table(table).await
    }
}
