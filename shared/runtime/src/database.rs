//! A service's own SQLite database, opened so that what was committed stays.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
    sqlx::{
        self, Executor, Row,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};
use sea_orm_migration::MigrationTrait;
use thiserror::Error;

use crate::metrics;

mod migrator;
pub mod places;
pub mod scratch;

use migrator::Migrator;

/// Opens the database of `service` at `path`, makes it where there is none, and runs the migrations that are still to run.
pub(crate) async fn open(
    service: &'static str,
    path: &Path,
    migrations: Vec<Box<dyn MigrationTrait>>,
) -> Result<DatabaseConnection, DatabaseError> {
    let at = || path.to_path_buf();
    if let Some(folder) = path.parent() {
        let mut ours = fs::DirBuilder::new();
        // Sealed keys, hashes of tokens, addresses of people: nobody else's to read.
        let made = ours.recursive(true).mode(0o700).create(folder);
        made.map_err(|source| DatabaseError::Folder {
            path: folder.into(),
            source,
        })?;
    }
    let database = connect(service, path, MAX_CONNECTIONS).await?;
    Migrator::new(migrations)
        .up(&database)
        .await
        .map_err(|source| DatabaseError::Migrate { path: at(), source })?;
    Ok(database)
}

/// Connects to the database at `path` with at most so many connections.
pub(crate) async fn connect(
    service: &'static str,
    path: &Path,
    connections: u32,
) -> Result<DatabaseConnection, DatabaseError> {
    let file = path.to_path_buf();
    // The file's name is set below, where no character of it is taken for a URL's.
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        .max_connections(connections)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| safe(options, &file))
        .map_sqlx_sqlite_pool_opts(|pool| {
            pool.after_connect(|connection, _| Box::pin(check(connection)))
        });
    let database = Database::connect(options).await;
    let mut database = database.map_err(|source| DatabaseError::Open {
        path: path.to_path_buf(),
        source,
    })?;
    metrics::no_statement_failed_yet(service);
    database.set_metric_callback(move |statement| {
        if statement.failed {
            metrics::statement_failed(service);
        }
    });
    Ok(database)
}

/// Begins a transaction that reads and then writes, such as a claim that is looked at and taken.
///
/// It waits for its turn at once (`BEGIN IMMEDIATE`). An ordinary one that has read is refused as busy,
/// without any wait, when another has written meanwhile.
///
/// # Errors
/// When its turn does not come within 10 s, or the database fails.
pub async fn begin_write(database: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    database.begin_with_options(options).await
}

/// The database cannot be used.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// Its folder cannot be made.
    #[error("cannot make the folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It cannot be opened, or does not take the settings that keep it safe.
    #[error("cannot open the database at {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: DbErr,
    },
    /// The places beside it cannot be looked at, or one of them not be removed.
    #[error("cannot clear the places of databases in {path}")]
    Place {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its tables cannot be brought up to date.
    #[error("cannot migrate the database at {path}")]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: DbErr,
    },
}

fn safe(options: SqliteConnectOptions, file: &Path) -> SqliteConnectOptions {
    options
        .filename(file)
        .in_memory(false)
        .shared_cache(false)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL lost 350 of 2,841 commits in power cuts, FULL none.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        // What is deleted is overwritten: sealed keys and secrets are shredded by their deletion.
        .pragma("secure_delete", "ON")
        // Tables are indexed by random ids: with SQLite's own 2 MiB a long write reads the same pages again and again.
        .pragma("cache_size", CACHE_SIZE)
        // A page that is written often goes into the database's file once, and not for every 4 MiB of log.
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
}

/// Refuses a connection on which a setting does not hold: SQLite passes over a PRAGMA that it cannot take.
async fn check(connection: &mut sqlx::SqliteConnection) -> Result<(), sqlx::Error> {
    let mut unsafe_settings = Vec::new();
    for (pragma, wanted) in [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("foreign_keys", "1"),
        ("secure_delete", "1"),
    ] {
        let row = connection
            .fetch_one(sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"))))
            .await?;
        let found = match row.try_get::<String, _>(0) {
            Ok(text) => text,
            Err(_) => row.try_get::<i64, _>(0)?.to_string(),
        };
        if found != wanted {
            unsafe_settings.push(format!("{pragma} is {found} and must be {wanted}"));
        }
    }
    match unsafe_settings.is_empty() {
        true => Ok(()),
        false => Err(sqlx::Error::Configuration(
            unsafe_settings.join(", ").into(),
        )),
    }
}

/// SQLite has one writer at a time; more connections only help readers.
const MAX_CONNECTIONS: u32 = 8;

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// In KiB, as SQLite reads a negative one; a connection takes only what it uses.
const CACHE_SIZE: &str = "-16384";
/// Of 4 KiB.
const CHECKPOINT_PAGES: &str = "4096";
