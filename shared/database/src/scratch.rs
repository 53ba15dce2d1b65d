//! A database that is thrown away: always SQLite, whatever the services' own are, and written as fast as may be,
//! because nothing is lost with it.

use std::path::Path;

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbErr,
    sqlx::sqlite::{SqliteJournalMode, SqliteLockingMode, SqliteSynchronous},
};

/// An empty one at this path, or one to go on with, for one writer. After a crash it is worth nothing.
///
/// # Errors
/// What the database says.
pub async fn writer(path: &Path) -> Result<DatabaseConnection, DbErr> {
    let file = path.to_path_buf();
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| {
            options
                .filename(&file)
                .in_memory(false)
                .shared_cache(false)
                .create_if_missing(true)
                // Nothing is rolled back: what fails is thrown away.
                .journal_mode(SqliteJournalMode::Off)
                .synchronous(SqliteSynchronous::Off)
                .locking_mode(SqliteLockingMode::Exclusive)
                .foreign_keys(false)
                .pragma("cache_size", WRITER_CACHE)
                .pragma("temp_store", "FILE")
        });
    Database::connect(options).await
}

/// One that is finished, for readers.
///
/// # Errors
/// What the database says.
pub async fn reader(path: &Path) -> Result<DatabaseConnection, DbErr> {
    let file = path.to_path_buf();
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        .max_connections(READERS)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| {
            options
                .filename(&file)
                .in_memory(false)
                .shared_cache(false)
                .create_if_missing(false)
                .read_only(true)
                .immutable(true)
        });
    Database::connect(options).await
}

/// In KiB, as SQLite reads a negative one.
const WRITER_CACHE: &str = "-65536";
const READERS: u32 = 4;
