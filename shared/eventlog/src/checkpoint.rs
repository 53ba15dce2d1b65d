//! How far a follower has come: the sequence, and a hash of the event there.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::MigrationTrait;

/// A place in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last event that took effect, 0 before the first.
    pub sequence: u64,
    /// SHA-256 of that event; zeros before the first.
    pub hash: [u8; 32],
}

/// The table that a follower's database needs.
pub fn migration() -> Box<dyn MigrationTrait> {
    unimplemented!()
}

/// Where the follower of that name stands; the start of the log where it has not begun.
///
/// # Errors
/// What the database says.
pub async fn checkpoint(db: &impl ConnectionTrait, name: &str) -> Result<Checkpoint, DbErr> {
    let _ = (db, name);
    unimplemented!()
}
