//! The projection catching up on a long log, against bare batched inserts of the rows that it makes.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use api::projection::v1::{ListRequest, query_service_client::QueryServiceClient};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement, TransactionTrait,
    Value,
};
use tonic::Request;
use town::{installation::Installation, wait};

use crate::{
    figure::{Figure, Wanted},
    memory::Sampling,
    seed,
};

/// Rate and memory.
pub async fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::new(folder.path(), "");
    installation.event_log_alone().await;
    let started = Instant::now();
    let last = seed::log_of(&installation, EVENTS.div_ceil(seed::EVENTS_EACH)).await;
    eprintln!(
        "  {last} events are in the log after {:.0} s",
        started.elapsed().as_secs_f64()
    );

    let started = Instant::now();
    installation.start("projection");
    let sampling = Sampling::of(installation.process("projection").id());
    until_caught_up(&installation, last).await;
    let ours = started.elapsed();
    let samples = sampling.end();
    installation.process("projection").stop("TERM").await;

    let made = installation.data.join("db/projection.1.sqlite");
    let (rows, bare) = bare(&made, folder.path()).await;
    eprintln!(
        "  {rows} rows: projected in {:.1} s, inserted in {:.1} s",
        ours.as_secs_f64(),
        bare.as_secs_f64()
    );

    let rate = |duration: Duration| last as f64 / duration.as_secs_f64();
    // By the second quarter all caches are filled; what grows after that grows with the log.
    let quarter = samples.len() / 4;
    let highest = |samples: &[f64]| samples.iter().copied().fold(0.0, f64::max);
    let (early, late) = (
        highest(&samples[quarter..2 * quarter]),
        highest(&samples[3 * quarter..]),
    );
    vec![
        Figure {
            name: "projection catching up",
            measured: rate(ours),
            against: Some(rate(bare)),
            unit: "events/s",
            value: rate(ours) / rate(bare),
            wanted: Wanted::AtLeast(0.5),
            how: format!(
                "{last} events, from exec of `chancery service projection` on an empty database to the last position; against \
                 inserting the {rows} rows that it made into the same tables, {BATCH} rows a statement and a transaction"
            ),
        },
        Figure {
            name: "projection's memory, last quarter of the run",
            measured: late,
            against: Some(early),
            unit: "MiB",
            value: late / early,
            wanted: Wanted::AtMost(1.1),
            how: format!(
                "highest of {} samples of the resident memory, against the second quarter's",
                samples.len()
            ),
        },
    ]
}

/// How many rows are in this database, and how long it takes to insert them into the same tables in that folder.
pub async fn bare(made: &Path, folder: &Path) -> (usize, Duration) {
    let tables = read_tables(&open(&made.display().to_string()).await).await;
    let fresh = folder.join("fresh.sqlite");
    insert_all(&open(&fresh.display().to_string()).await, &tables).await
}

/// Waits until the tables hold this event.
pub async fn until_caught_up(installation: &Installation, last: u64) {
    let query = QueryServiceClient::new(installation.channel("gateway", "projection"));
    wait::within(
        Duration::from_secs(600),
        "the projection has caught up",
        async || {
            let mut request = Request::new(ListRequest {
                page_size: 1,
                at_least: last,
                ..ListRequest::default()
            });
            request.set_timeout(Duration::from_secs(300));
            query.clone().list_events(request).await.ok()
        },
    )
    .await;
}

/// A table with its rows.
struct Table {
    name: String,
    /// What makes it and its indices.
    schema: Vec<String>,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

async fn read_tables(database: &DatabaseConnection) -> Vec<Table> {
    let named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql IS NOT NULL";
    let mut tables = Vec::new();
    for name in texts(database, named).await {
        let schema = format!(
            "SELECT sql FROM sqlite_master WHERE tbl_name = '{name}' AND sql IS NOT NULL ORDER BY type DESC"
        );
        let columns = texts(
            database,
            &format!("SELECT name FROM pragma_table_info('{name}')"),
        )
        .await;
        tables.push(Table {
            schema: texts(database, &schema).await,
            rows: read_rows(database, &name, &columns).await,
            name,
            columns,
        });
    }
    tables
}

async fn read_rows(
    database: &DatabaseConnection,
    table: &str,
    columns: &[String],
) -> Vec<Vec<Value>> {
    // The plus takes the declared type away: each value is read as what it is.
    let each = columns
        .iter()
        .enumerate()
        .map(|(n, c)| format!("typeof(\"{c}\") AS t{n}, +\"{c}\" AS v{n}"));
    let select = format!(
        "SELECT {} FROM \"{table}\"",
        each.collect::<Vec<_>>().join(", ")
    );
    let rows = database
        .query_all_raw(statement(database, select, Vec::new()))
        .await
        .unwrap();
    let value = |row: &sea_orm::QueryResult, n: usize| -> Value {
        let column = format!("v{n}");
        match row
            .try_get::<String>("", &format!("t{n}"))
            .unwrap()
            .as_str()
        {
            "null" => Value::String(None),
            "integer" => row.try_get::<i64>("", &column).unwrap().into(),
            "real" => row.try_get::<f64>("", &column).unwrap().into(),
            "text" => row.try_get::<String>("", &column).unwrap().into(),
            _ => row.try_get::<Vec<u8>>("", &column).unwrap().into(),
        }
    };
    rows.iter()
        .map(|row| (0..columns.len()).map(|n| value(row, n)).collect())
        .collect()
}

/// Inserts all rows of all tables; answers how many, and how long that took.
async fn insert_all(database: &DatabaseConnection, tables: &[Table]) -> (usize, Duration) {
    for sql in tables.iter().flat_map(|table| &table.schema) {
        database.execute_unprepared(sql).await.unwrap();
    }
    let started = Instant::now();
    for table in tables {
        for rows in table.rows.chunks(BATCH) {
            let transaction = database.begin().await.unwrap();
            // SQLite takes at most 32,766 values a statement.
            for rows in rows.chunks(32_766 / table.columns.len()) {
                let one = format!("({})", vec!["?"; table.columns.len()].join(","));
                let sql = format!(
                    "INSERT INTO \"{}\" VALUES {}",
                    table.name,
                    vec![one; rows.len()].join(",")
                );
                let insert = statement(database, sql, rows.iter().flatten().cloned().collect());
                transaction.execute_raw(insert).await.unwrap();
            }
            transaction.commit().await.unwrap();
        }
    }
    (
        tables.iter().map(|table| table.rows.len()).sum(),
        started.elapsed(),
    )
}

async fn texts(database: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = database
        .query_all_raw(statement(database, sql.to_owned(), Vec::new()))
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index::<String>(0).unwrap())
        .collect()
}

fn statement(database: &DatabaseConnection, sql: String, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(database.get_database_backend(), sql, values)
}

/// As the runtime opens a service's database: write-ahead log, and every commit synced.
async fn open(path: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(format!("sqlite://{path}?mode=rwc"));
    options.max_connections(1).sqlx_logging(false);
    let database = Database::connect(options).await.unwrap();
    for pragma in [
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "cache_size = -16384",
        "wal_autocheckpoint = 4096",
    ] {
        database
            .execute_unprepared(&format!("PRAGMA {pragma}"))
            .await
            .unwrap();
    }
    database
}

const EVENTS: usize = 100_000;
const BATCH: usize = 1_000;
