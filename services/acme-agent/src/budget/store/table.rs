//! The tables `limit_use`, a row for each thing that was used, and `limit_turn`, a row for each server.

use sea_orm_migration::prelude::*;

pub(super) mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "limit_use")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub server: Uuid,
        pub at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One row a server, so that replicas take turns.
pub(super) mod turn {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "limit_turn")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub server: Uuid,
        pub taken: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The tables `limit_use` and `limit_turn`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000010_limit_use"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, string, uuid};
        let table = Table::create()
            .table("limit_use")
            .col(uuid("order_id"))
            .col(string("kind"))
            .col(string("key"))
            .col(uuid("server"))
            .col(big_integer("at"))
            .primary_key(Index::create().col("order_id").col("kind").col("key"))
            .to_owned();
        manager.create_table(table).await?;
        let index = Index::create()
            .name("limit_use_latest")
            .table("limit_use")
            .col("server")
            .col("kind")
            .col("key")
            .col("at")
            .to_owned();
        manager.create_index(index).await?;
        let table = Table::create()
            .table("limit_turn")
            .col(uuid("server").primary_key())
            .col(big_integer("taken"))
            .to_owned();
        manager.create_table(table).await
    }
}
