//! Tables in a schema.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, QueryResult, Statement, Value};

use super::{Table, texts};

/// All tables of the connection's schema. They are made again in a schema beside it.
pub async fn read(database: &DatabaseConnection) -> Vec<Table> {
    let named = "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'";
    let mut tables = Vec::new();
    for name in texts(database, named).await {
        let fresh = format!("{FRESH}.\"{name}\"");
        let columns = columns(database, &name).await;
        let mut schema = vec![format!(
            "CREATE TABLE {fresh} (LIKE \"{name}\" INCLUDING ALL)"
        )];
        if tables.is_empty() {
            schema.insert(0, format!("CREATE SCHEMA {FRESH}"));
        }
        tables.push(Table {
            schema,
            rows: read_rows(database, &name, &columns).await,
            fresh,
            columns: columns.len(),
        });
    }
    tables
}

/// Names and types.
async fn columns(database: &DatabaseConnection, table: &str) -> Vec<(String, String)> {
    let select = format!(
        "SELECT column_name::text, udt_name::text FROM information_schema.columns \
         WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
    );
    let rows = database
        .query_all_raw(Statement::from_string(DbBackend::Postgres, select))
        .await
        .unwrap();
    rows.iter()
        .map(|row| {
            (
                row.try_get_by_index(0).unwrap(),
                row.try_get_by_index(1).unwrap(),
            )
        })
        .collect()
}

async fn read_rows(
    database: &DatabaseConnection,
    table: &str,
    columns: &[(String, String)],
) -> Vec<Vec<Value>> {
    let each = columns.iter().map(|(name, _)| format!("\"{name}\""));
    let select = format!(
        "SELECT {} FROM \"{table}\"",
        each.collect::<Vec<_>>().join(", ")
    );
    let rows = database
        .query_all_raw(Statement::from_string(DbBackend::Postgres, select))
        .await
        .unwrap();
    rows.iter()
        .map(|row| {
            let types = columns.iter().enumerate();
            types.map(|(n, (_, of))| value(row, n, of)).collect()
        })
        .collect()
}

fn value(row: &QueryResult, n: usize, of: &str) -> Value {
    match of {
        "int4" => Value::Int(row.try_get_by_index(n).unwrap()),
        "int8" => Value::BigInt(row.try_get_by_index(n).unwrap()),
        "bool" => Value::Bool(row.try_get_by_index(n).unwrap()),
        "float8" => Value::Double(row.try_get_by_index(n).unwrap()),
        "text" | "varchar" => row.try_get_by_index::<Option<String>>(n).unwrap().into(),
        "bytea" => row.try_get_by_index::<Option<Vec<u8>>>(n).unwrap().into(),
        other => panic!("no table has had a column of type {other} so far"),
    }
}

const FRESH: &str = "fresh";
