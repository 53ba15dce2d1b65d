//! Transactions that mean the same on SQLite and on PostgreSQL.

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IsolationLevel, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use crate::postgresql;

/// Begins a transaction that reads and then writes, such as a claim that is looked at and taken: no other one that
/// began like this comes between.
///
/// It waits for its turn at once (`BEGIN IMMEDIATE`, or a lock on the schema that ends with it). An ordinary one that
/// has read is refused by SQLite as busy, without any wait, when another has written meanwhile; and by PostgreSQL
/// it is not refused, though what it read may be true no more.
///
/// # Errors
/// When its turn does not come within 10 s, or the database fails.
pub async fn begin_write(database: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    if database.get_database_backend() == DbBackend::Postgres {
        let transaction = database.begin().await?;
        transaction.execute_unprepared(postgresql::TURN).await?;
        return Ok(transaction);
    }
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    database.begin_with_options(options).await
}

/// Begins a transaction that only reads, and sees nothing of what is written after its first look.
///
/// # Errors
/// What the database says.
pub async fn begin_read(database: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    match database.get_database_backend() {
        DbBackend::Postgres => {
            let (one_moment, reads) = (IsolationLevel::RepeatableRead, AccessMode::ReadOnly);
            database
                .begin_with_config(Some(one_moment), Some(reads))
                .await
        }
        // Every transaction of it is one.
        _ => database.begin().await,
    }
}
