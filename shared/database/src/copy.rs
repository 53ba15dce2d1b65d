//! Whole tables, whatever is in them: read from one database, written to another of any kind, and told apart by a hash
//! that is the same on both.

mod digest;
mod json;
mod table;
mod unfinished;

pub(crate) use self::unfinished::{begin, is_marked};
pub use self::{
    digest::{Content, Digest},
    table::{Column, Kind, Table, tables},
    unfinished::finish,
};

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QuerySelect as _};

/// The names of the migrations that a database has seen; of none, where it is new.
///
/// # Errors
/// What the database says.
pub async fn migrations(database: &impl ConnectionTrait) -> Result<BTreeSet<String>, DbErr> {
    use sea_orm_migration::seaql_migrations::{Column, Entity};
    let names = Entity::find().select_only().column(Column::Version);
    let names = names.into_tuple::<String>().all(database).await?;
    Ok(names.into_iter().collect())
}
