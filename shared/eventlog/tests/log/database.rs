//! A database of a test's own.

use databases::Databases;
use sea_orm::DatabaseConnection;
use sea_orm_migration::MigrationTrait;

/// Among these, with these tables.
pub async fn database<const N: usize>(
    databases: &Databases,
    migrations: [Box<dyn MigrationTrait>; N],
) -> DatabaseConnection {
    let db = databases.home("test").open(migrations.into()).await;
    db.expect("a database")
}
