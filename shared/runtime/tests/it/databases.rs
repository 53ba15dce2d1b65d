//! The database, on a real file.

use std::os::unix::fs::PermissionsExt;

use runtime::{Clock, DatabaseError, Runtime, database::begin_write};
use sea_orm::{ConnectionTrait, Statement, TransactionTrait};
use sea_orm_migration::prelude::*;
use tempfile::TempDir;

use crate::authority::{Authority, shared, start};

struct First;

impl MigrationName for First {
    fn name(&self) -> &str {
        "first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = "CREATE TABLE parent (id INTEGER PRIMARY KEY); \
            CREATE TABLE child (parent INTEGER NOT NULL REFERENCES parent (id))";
        manager
            .get_connection()
            .execute_unprepared(tables)
            .await
            .map(|_| ())
    }
}

struct Broken;

impl MigrationName for Broken {
    fn name(&self) -> &str {
        "second"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Broken {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared("CREATE NONSENSE")
            .await
            .map(|_| ())
    }
}

fn service() -> (TempDir, Runtime) {
    let (data, clock) = (tempfile::tempdir().unwrap(), Clock::system());
    Authority::new(&clock).enrol(data.path(), "keystore");
    let shared = shared(data.path(), "127.0.0.1:1".parse().unwrap());
    let runtime = start("keystore", &shared, &clock);
    (data, runtime)
}

async fn pragma(connection: &impl ConnectionTrait, name: &str) -> String {
    let statement = Statement::from_string(sea_orm::DbBackend::Sqlite, format!("PRAGMA {name}"));
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index::<String>(0)
        .or_else(|_| row.try_get_by_index::<i64>(0).map(|n| n.to_string()))
        .unwrap()
}

async fn count(database: &impl ConnectionTrait) -> i64 {
    let statement =
        Statement::from_string(sea_orm::DbBackend::Sqlite, "SELECT count(*) FROM parent");
    let row = database.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn every_connection_is_safe() {
    let (_data, runtime) = service();
    let database = runtime.database(vec![Box::new(First)]).await.unwrap();
    // Transactions that are open at the same time are connections of their own.
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(database.begin().await.unwrap());
    }
    for connection in &open {
        assert_eq!(pragma(connection, "journal_mode").await, "wal");
        assert_eq!(pragma(connection, "synchronous").await, "2");
        assert_eq!(pragma(connection, "foreign_keys").await, "1");
        assert_eq!(pragma(connection, "busy_timeout").await, "10000");
    }
    drop(open);
    let orphan = database
        .execute_unprepared("INSERT INTO child VALUES (7)")
        .await;
    assert!(orphan.is_err());
}

#[tokio::test]
async fn what_was_committed_is_there_at_the_next_start() {
    let (_data, runtime) = service();
    let database = runtime.database(vec![Box::new(First)]).await.unwrap();
    database
        .execute_unprepared("INSERT INTO parent VALUES (1)")
        .await
        .unwrap();
    database.close().await.unwrap();
    let database = runtime.database(vec![Box::new(First)]).await.unwrap();
    assert_eq!(count(&database).await, 1);
    assert!(runtime.layout().database("keystore").is_file());
    let folder = std::fs::metadata(runtime.layout().database_dir()).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_migration_that_fails_is_named_with_the_file() {
    let (_data, runtime) = service();
    let refused = runtime
        .database(vec![Box::new(First), Box::new(Broken)])
        .await
        .unwrap_err();
    assert!(
        matches!(refused, DatabaseError::Migrate { .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("keystore.sqlite"), "{refused}");
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let (_data, runtime) = service();
    let path = runtime.layout().database("keystore");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(
        &path,
        "this is a text file, and not a database at all".repeat(100),
    )
    .unwrap();
    let refused = runtime.database(vec![]).await.unwrap_err();
    assert!(matches!(refused, DatabaseError::Open { .. }), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_read_first_take_turns() {
    let (_data, runtime) = service();
    let database = runtime.database(vec![Box::new(First)]).await.unwrap();
    let writers = (0..20).map(|_| {
        let database = database.clone();
        tokio::spawn(async move {
            let transaction = begin_write(&database).await.unwrap();
            let next = count(&transaction).await + 1;
            let insert = format!("INSERT INTO parent VALUES ({next})");
            transaction.execute_unprepared(&insert).await.unwrap();
            transaction.commit().await.unwrap();
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(count(&database).await, 20);
}
