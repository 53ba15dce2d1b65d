//! Tables in a file.

use std::path::Path;

use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement, Value,
};

use super::{Table, texts};

/// All tables of a database.
pub async fn read(database: &DatabaseConnection) -> Vec<Table> {
    let named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql IS NOT NULL";
    let mut tables = Vec::new();
    for name in texts(database, named).await {
        let schema = format!(
            "SELECT sql FROM sqlite_master WHERE tbl_name = '{name}' AND sql IS NOT NULL ORDER BY type DESC"
        );
        let columns = format!("SELECT name FROM pragma_table_info('{name}')");
        let columns = texts(database, &columns).await;
        tables.push(Table {
            schema: texts(database, &schema).await,
            rows: read_rows(database, &name, &columns).await,
            fresh: format!("\"{name}\""),
            columns: columns.len(),
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
        .query_all_raw(Statement::from_string(DbBackend::Sqlite, select))
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

/// As the runtime opens a service's database: write-ahead log, and every commit synced.
pub async fn open(path: &Path) -> DatabaseConnection {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", path.display()));
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
