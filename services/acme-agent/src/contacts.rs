//! Contact addresses of accounts: personal data, which stays out of the log so that it can be erased.

use runtime::database::begin_write;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder,
    Set,
};
use sea_orm_migration::prelude::*;
use uuid::Uuid;

/// Keeps the addresses of a server's account, in place of those that it had.
///
/// # Errors
/// What the database says.
pub async fn keep(db: &DatabaseConnection, server: Uuid, emails: &[String]) -> Result<(), DbErr> {
    let transaction = begin_write(db).await?;
    forget(&transaction, server).await?;
    let rows = (0..)
        .zip(emails)
        .map(|(ordinal, email)| entity::ActiveModel {
            server: Set(server),
            ordinal: Set(ordinal),
            email: Set(email.clone()),
        });
    let rows = rows.collect::<Vec<_>>();
    if !rows.is_empty() {
        entity::Entity::insert_many(rows)
            .exec_without_returning(&transaction)
            .await?;
    }
    transaction.commit().await
}

/// The addresses of a server's account, in the order in which they were given.
///
/// # Errors
/// What the database says.
pub async fn of(db: &impl ConnectionTrait, server: Uuid) -> Result<Vec<String>, DbErr> {
    let rows = entity::Entity::find()
        .filter(entity::Column::Server.eq(server))
        .order_by_asc(entity::Column::Ordinal)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.email).collect())
}

/// Erases the addresses of a server's account.
///
/// # Errors
/// What the database says.
pub async fn forget(db: &impl ConnectionTrait, server: Uuid) -> Result<(), DbErr> {
    entity::Entity::delete_many()
        .filter(entity::Column::Server.eq(server))
        .exec(db)
        .await?;
    Ok(())
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "server_contact")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub server: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub ordinal: i32,
        pub email: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `server_contact`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000002_server_contact"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{integer, string, uuid};
        let table = Table::create()
            .table("server_contact")
            .col(uuid("server"))
            .col(integer("ordinal"))
            .col(string("email"))
            .primary_key(Index::create().col("server").col("ordinal"))
            .to_owned();
        manager.create_table(table).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::database;

    #[tokio::test]
    async fn addresses_are_kept_in_their_order_and_can_be_erased() {
        let db = database(vec![Box::new(Migration)]).await;
        let server = Uuid::from_u128(1);
        let emails = ["z@example.com".to_owned(), "a@example.com".to_owned()];
        keep(&db, server, &emails).await.unwrap();
        assert_eq!(of(&db, server).await.unwrap(), emails);
        keep(&db, server, &emails[1..]).await.unwrap();
        assert_eq!(of(&db, server).await.unwrap(), emails[1..]);
        keep(&db, server, &[]).await.unwrap();
        assert!(of(&db, server).await.unwrap().is_empty());
    }
}
