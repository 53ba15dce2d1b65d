//! Bare batched inserts of rows that are there into the same tables elsewhere: the limit of whoever makes them.

mod postgresql;
mod sqlite;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbBackend, Statement, TransactionTrait as _, Value,
};
use town::installation::Installation;

/// How many rows go into a statement and a transaction.
pub const BATCH: usize = 1_000;

/// How many rows are in this place of the projection's, and how long it takes to insert them into the same tables: in
/// another database, which a file of that folder is where they are files.
pub async fn again(installation: &Installation, folder: &Path, place: u64) -> (usize, Duration) {
    let home = installation.database("projection");
    let made = home.places().writer(place).await.unwrap();
    let (tables, fresh) = match made.get_database_backend() {
        DbBackend::Postgres => (postgresql::read(&made).await, made.clone()),
        _ => {
            let fresh = folder.join("fresh.sqlite");
            (sqlite::read(&made).await, sqlite::open(&fresh).await)
        }
    };
    let took = insert_all(&fresh, &tables).await;
    made.close().await.unwrap();
    (tables.iter().map(|table| table.rows.len()).sum(), took)
}

/// A table with its rows.
struct Table {
    /// What stands behind INSERT INTO.
    fresh: String,
    /// What makes it and its indices.
    schema: Vec<String>,
    columns: usize,
    rows: Vec<Vec<Value>>,
}

async fn insert_all(database: &DatabaseConnection, tables: &[Table]) -> Duration {
    for sql in tables.iter().flat_map(|table| &table.schema) {
        database.execute_unprepared(sql).await.unwrap();
    }
    let backend = database.get_database_backend();
    let started = Instant::now();
    for table in tables {
        for rows in table.rows.chunks(BATCH) {
            let transaction = database.begin().await.unwrap();
            for rows in rows.chunks(VALUES / table.columns) {
                let mut n = 0;
                let mut one = || {
                    let places = (0..table.columns).map(|_| {
                        n += 1;
                        match backend {
                            DbBackend::Postgres => format!("${n}"),
                            _ => "?".to_owned(),
                        }
                    });
                    format!("({})", places.collect::<Vec<_>>().join(","))
                };
                let all = rows.iter().map(|_| one()).collect::<Vec<_>>();
                let sql = format!("INSERT INTO {} VALUES {}", table.fresh, all.join(","));
                let values = rows.iter().flatten().cloned();
                let insert = Statement::from_sql_and_values(backend, sql, values);
                transaction.execute_raw(insert).await.unwrap();
            }
            transaction.commit().await.unwrap();
        }
    }
    started.elapsed()
}

async fn texts(database: &DatabaseConnection, sql: &str) -> Vec<String> {
    let sql = Statement::from_string(database.get_database_backend(), sql);
    let rows = database.query_all_raw(sql).await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index::<String>(0).unwrap())
        .collect()
}

/// So many values SQLite takes in a statement; PostgreSQL takes twice as many.
const VALUES: usize = 32_766;
