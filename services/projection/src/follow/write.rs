//! Many rows in few statements, the same for every table.

use std::collections::BTreeMap;

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IdenStatic,
    IntoActiveModel, Iterable, PrimaryKeyToColumn, QueryFilter, Value, sea_query::OnConflict,
};

use crate::tables::{NUL, NUL_SHOWN};

/// The rows with these values in `column`.
pub(super) async fn load<E: EntityTrait>(
    tx: &impl ConnectionTrait,
    column: E::Column,
    ids: Vec<String>,
) -> Result<Vec<E::Model>, DbErr> {
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS) {
        let some = E::find().filter(column.is_in(ids)).all(tx).await?;
        rows.extend(some);
    }
    Ok(rows)
}

/// The rows by what tells them apart.
pub(super) fn by_id<M>(rows: Vec<M>, id: impl Fn(&M) -> &String) -> BTreeMap<String, M> {
    let rows = rows.into_iter();
    rows.map(|row| (id(&row).clone(), row)).collect()
}

/// Writes the rows; a row that is there already becomes the new one. Each row comes once.
pub(super) async fn put<E>(
    tx: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = E::Model>,
) -> Result<(), DbErr>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
{
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some = rows.by_ref().take(ROWS).map(as_text::<E>);
        E::insert_many(some)
            .on_conflict(replace::<E>())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// Deletes the rows with these values in `column`.
pub(super) async fn delete<E: EntityTrait>(
    tx: &impl ConnectionTrait,
    column: E::Column,
    ids: &[String],
) -> Result<(), DbErr> {
    for ids in ids.chunks(IDS) {
        E::delete_many().filter(column.is_in(ids)).exec(tx).await?;
    }
    Ok(())
}

/// The row with nothing in its texts that a database refuses: one certificate from elsewhere, or one
/// word of a CA, would stop the follower for good.
fn as_text<E>(row: E::Model) -> E::ActiveModel
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelTrait<Entity = E>,
{
    let mut row = row.into_active_model();
    for column in E::Column::iter() {
        if let Some(Value::String(Some(text))) = row.get(column).into_value()
            && text.contains(NUL)
        {
            row.set(
                column,
                text.replace(NUL, NUL_SHOWN.encode_utf8(&mut [0; 4])).into(),
            );
        }
    }
    row
}

/// Every column but the key takes the new value.
fn replace<E: EntityTrait>() -> OnConflict {
    let key = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    let key = key.collect::<Vec<E::Column>>();
    let is_key = |column: &E::Column| key.iter().any(|part| part.as_str() == column.as_str());
    let others = E::Column::iter()
        .filter(|column| !is_key(column))
        .collect::<Vec<_>>();
    let mut conflict = OnConflict::columns(key.iter().copied());
    if others.is_empty() {
        conflict.do_nothing();
    } else {
        conflict.update_columns(others);
    }
    conflict
}

/// Rows in one INSERT. Always as many, so that the statement is prepared once and used again; 100
/// rows of our widest table are far below what SQLite (32,766) and PostgreSQL (65,535) can bind.
const ROWS: usize = 100;

/// Ids in one IN.
pub(super) const IDS: usize = 500;
