//! The keystore's own database.

pub mod authority;
pub mod claim;
pub mod kek;
mod keks;
mod key_ids;
pub mod key_use;
mod linking;
pub mod looked_for;
mod migration;
pub mod reservation;
pub mod retired_kek;
pub mod sealed_key;
pub mod sealed_secret;
pub mod served;
pub mod unlinked;

use sea_orm_migration::MigrationTrait;

/// Rows of one `INSERT`, and values of one `IN`: far below what SQLite takes as variables of one statement (32,766).
pub const ROWS_AT_ONCE: usize = 200;

/// Everything that makes these tables, and those that `eventlog` needs beside them.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(migration::Tables),
        eventlog::checkpoint::migration(),
        eventlog::request_ledger::migration(),
        Box::new(linking::Tables),
        Box::new(key_ids::Column),
        Box::new(keks::Tables),
    ]
}
