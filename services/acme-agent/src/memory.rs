//! A database in memory, for tests.

use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use sea_orm_migration::{MigrationTrait, SchemaManager};

/// A fresh one with these tables.
pub async fn database(migrations: Vec<Box<dyn MigrationTrait>>) -> DatabaseConnection {
    let mut options = ConnectOptions::new("sqlite::memory:");
    // Each connection to memory is a database of its own.
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await.unwrap();
    for migration in migrations {
        migration.up(&SchemaManager::new(&db)).await.unwrap();
    }
    db
}
