//! A database of a test's own.

use std::path::Path;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use sea_orm_migration::{MigrationTrait, SchemaManager};

/// In this folder, with these tables.
pub async fn database<const N: usize>(
    folder: &Path,
    migrations: [Box<dyn MigrationTrait>; N],
) -> DatabaseConnection {
    let file = folder.join("test.sqlite");
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
    options.max_connections(4).sqlx_logging(false);
    let db = Database::connect(options).await.expect("a database");
    db.execute_unprepared("PRAGMA journal_mode=WAL")
        .await
        .expect("WAL");
    for migration in migrations {
        migration
            .up(&SchemaManager::new(&db))
            .await
            .expect("migrated");
    }
    db
}
