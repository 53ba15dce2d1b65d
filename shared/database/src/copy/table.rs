//! A table as the database itself describes it.

use futures_util::{Stream, TryStreamExt as _};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, StreamTrait, Value,
    sea_query::{Alias, Query},
};
use serde::{Deserialize, Serialize};

/// A table, and how to read and write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in the order of their names: databases may have them in another.
    pub columns: Vec<Column>,
    /// The columns that tell its rows apart, by their names.
    pub key: Vec<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds. Databases have more types than these; services use none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// True or false.
    Truth,
    /// A number of 32 bits.
    Integer,
    /// A number of 64 bits.
    Long,
    /// Text.
    Text,
    /// Octets.
    Octets,
    /// An id.
    Uuid,
    /// A moment, to the microsecond.
    Time,
}

/// All tables but the one of migrations, in the order of their names.
///
/// # Errors
/// What the database says, and a column of a type that no service uses.
pub async fn tables(database: &impl ConnectionTrait) -> Result<Vec<Table>, DbErr> {
    let backend = database.get_database_backend();
    let sqlite = backend == DbBackend::Sqlite;
    let described = Statement::from_string(backend, if sqlite { OF_SQLITE } else { OF_POSTGRESQL });
    let mut all = Vec::<Table>::new();
    for row in database.query_all_raw(described).await? {
        let table: String = row.try_get_by_index(0)?;
        let (name, declared): (String, String) =
            (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let in_key: bool = row.try_get_by_index(3)?;
        let kind = Kind::declared(&declared, sqlite).ok_or_else(|| {
            DbErr::Type(format!(
                "column {name} of table {table} is of type {declared}, which is not copied"
            ))
        })?;
        if all.last().is_none_or(|last| last.name != table) {
            all.push(Table {
                name: table,
                columns: Vec::new(),
                key: Vec::new(),
            });
        }
        if let Some(last) = all.last_mut() {
            if in_key {
                last.key.push(name.clone());
            }
            last.columns.push(Column { name, kind });
        }
    }
    Ok(all)
}

impl Table {
    /// All rows, in the order of their keys.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rows<'a, C: ConnectionTrait + StreamTrait>(
        &'a self,
        database: &'a C,
    ) -> Result<impl Stream<Item = Result<Vec<Value>, DbErr>> + 'a, DbErr> {
        let mut select = Query::select();
        select.columns(self.columns.iter().map(|column| Alias::new(&column.name)));
        select.from(Alias::new(&self.name));
        for key in &self.key {
            select.order_by(Alias::new(key), sea_orm::Order::Asc);
        }
        let statement = ConnectionTrait::get_database_backend(database).build(&select);
        let rows = database.stream_raw(statement).await?;
        Ok(rows.and_then(async |row| self.read(&row)))
    }

    fn read(&self, row: &QueryResult) -> Result<Vec<Value>, DbErr> {
        let value = |(at, column): (usize, &Column)| {
            Ok(match column.kind {
                Kind::Truth => Value::Bool(row.try_get_by_index(at)?),
                Kind::Integer => Value::Int(row.try_get_by_index(at)?),
                Kind::Long => Value::BigInt(row.try_get_by_index(at)?),
                Kind::Text => Value::String(row.try_get_by_index(at)?),
                Kind::Octets => Value::Bytes(row.try_get_by_index(at)?),
                Kind::Uuid => Value::Uuid(row.try_get_by_index(at)?),
                Kind::Time => Value::TimeDateTimeWithTimeZone(row.try_get_by_index(at)?),
            })
        };
        self.columns.iter().enumerate().map(value).collect()
    }

    /// Writes rows whose values are as [`columns`](Self::columns) are.
    ///
    /// # Errors
    /// What the database says.
    pub async fn write(
        &self,
        database: &impl ConnectionTrait,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), DbErr> {
        // Statements have a limit of values: see [`MAX_VALUES`].
        let at_once = (MAX_VALUES / self.columns.len().max(1)).max(1);
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let mut insert = Query::insert();
            insert.into_table(Alias::new(&self.name));
            insert.columns(self.columns.iter().map(|column| Alias::new(&column.name)));
            for row in rows.by_ref().take(at_once) {
                insert
                    .values(row.into_iter().map(sea_orm::sea_query::Expr::val))
                    .map_err(|error| DbErr::Custom(error.to_string()))?;
            }
            database.execute(&insert).await?;
        }
        Ok(())
    }
}

impl Kind {
    /// SQLite has numbers of one length, which are written to columns of either.
    fn declared(declared: &str, sqlite: bool) -> Option<Self> {
        let word = declared
            .split(['(', ' '])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        Some(match word.as_str() {
            "boolean" => Self::Truth,
            "integer" if !sqlite => Self::Integer,
            "integer" => Self::Long,
            "bigint" => Self::Long,
            "text" | "varchar" | "character" => Self::Text,
            "blob" | "bytea" => Self::Octets,
            "uuid" | "uuid_text" => Self::Uuid,
            "timestamp" | "timestamp_with_timezone_text" => Self::Time,
            _ => return None,
        })
    }

    /// No value of this kind.
    pub fn null(self) -> Value {
        match self {
            Self::Truth => Value::Bool(None),
            Self::Integer => Value::Int(None),
            Self::Long => Value::BigInt(None),
            Self::Text => Value::String(None),
            Self::Octets => Value::Bytes(None),
            Self::Uuid => Value::Uuid(None),
            Self::Time => Value::TimeDateTimeWithTimeZone(None),
        }
    }
}

/// SQLite takes 32,766 values in a statement.
const MAX_VALUES: usize = 16_384;

const OF_SQLITE: &str = "SELECT m.name, c.name, c.type, c.pk > 0 FROM sqlite_master m JOIN pragma_table_info(m.name) c \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND m.name <> 'seaql_migrations' ORDER BY m.name, c.name";

const OF_POSTGRESQL: &str = r#"SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL),
        COALESCE(a.attnum = ANY (i.indkey), false)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
        AND c.relname <> 'seaql_migrations'
    ORDER BY c.relname COLLATE "C", a.attname COLLATE "C""#;
