//! Places that are schemas: "projection_3" beside "projection".

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, SqlErr, Statement};

use crate::{
    DatabaseError, Home,
    home::At,
    postgresql::{Purpose, Schema},
};

/// The schema of a place.
pub(super) fn schema(own: &Schema, place: u64) -> Schema {
    own.beside(format!("{}_{place}", own.name))
}

/// Makes an empty one; false where there is one already.
pub(super) async fn make(home: &Home, own: &Schema, place: u64) -> Result<bool, DatabaseError> {
    let name = schema(own, place).name;
    with_one(home, own, async |one| {
        match one
            .execute_unprepared(&format!("CREATE SCHEMA {name}"))
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if is_there(&error) => Ok(false),
            Err(error) => Err(error),
        }
    })
    .await
}

pub(super) async fn all(home: &Home, own: &Schema) -> Result<Vec<u64>, DatabaseError> {
    let select = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT nspname::text FROM pg_namespace WHERE starts_with(nspname::text, $1)",
        [format!("{}_", own.name).into()],
    );
    let found = with_one(home, own, async |one| {
        let rows = one.query_all_raw(select).await?;
        rows.into_iter()
            .map(|row| row.try_get_by_index::<String>(0))
            .collect::<Result<Vec<_>, _>>()
    })
    .await?;
    let number = |name: &String| {
        name.strip_prefix(&own.name)?
            .strip_prefix('_')?
            .parse()
            .ok()
    };
    let mut all = found.iter().filter_map(number).collect::<Vec<u64>>();
    all.sort_unstable();
    Ok(all)
}

/// Removes it, unless somebody has it open.
pub(super) async fn remove(home: &Home, own: &Schema, place: u64) -> Result<(), DatabaseError> {
    let schema = schema(own, place);
    let (lock, drop) = (
        schema.lock(),
        format!("DROP SCHEMA IF EXISTS {} CASCADE", schema.name),
    );
    with_one(home, own, async |one| {
        let free = Statement::from_string(
            DbBackend::Postgres,
            format!("SELECT pg_try_advisory_lock({lock})"),
        );
        let free = one.query_one_raw(free).await?;
        let free = free
            .map(|row| row.try_get_by_index::<bool>(0))
            .transpose()?;
        match free {
            Some(true) => one.execute_unprepared(&drop).await.map(|_| ()),
            _ => Ok(()),
        }
    })
    .await
}

/// A connection for one errand: its locks end with it.
async fn with_one<T>(
    home: &Home,
    own: &Schema,
    errand: impl AsyncFnOnce(&DatabaseConnection) -> Result<T, DbErr>,
) -> Result<T, DatabaseError> {
    let at = At::Postgresql(own.clone());
    let one = home
        .connect_with(own.options(Purpose::Keep), 1, &at)
        .await?;
    let done = errand(&one).await;
    let closed = one.close().await;
    done.and_then(|done| closed.map(|()| done))
        .map_err(|source| DatabaseError::Schemas {
            at: own.to_string(),
            source,
        })
}

fn is_there(error: &DbErr) -> bool {
    // 42P06, duplicate_schema; of two at the same moment the later one is told of the catalogue's index instead.
    error.to_string().contains("already exists")
        || matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}
