//! The mark of a database to which not all was copied yet: with a part of its rows it looks like a whole one.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{SchemaManager, prelude::Table, schema};

/// Sets it.
pub(crate) async fn begin(database: &impl ConnectionTrait) -> Result<(), DbErr> {
    let mut mark = Table::create();
    mark.table(MARK).col(schema::pk_auto("id"));
    database.execute(&mark).await.map(|_| ())
}

/// Takes it away: all is there.
///
/// # Errors
/// What the database says.
pub async fn finish(database: &impl ConnectionTrait) -> Result<(), DbErr> {
    let mark = Table::drop().table(MARK).to_owned();
    database.execute(&mark).await.map(|_| ())
}

/// Whether it is there.
pub(crate) async fn is_marked(database: &sea_orm::DatabaseConnection) -> Result<bool, DbErr> {
    SchemaManager::new(database).has_table(MARK).await
}

const MARK: &str = "unfinished_copy";
