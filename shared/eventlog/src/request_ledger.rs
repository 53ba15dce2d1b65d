//! Request ids of commands on aggregates that were there before: each is for one command, for good.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::MigrationTrait;

use crate::envelope::Origin;

/// Why a request id could not be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The actor used it before for another command.
    #[error("the request id was used before for another command")]
    Reused,
    /// The database did not answer.
    #[error("cannot look up the request id")]
    Database(#[source] DbErr),
}

/// The table `command_request`.
pub struct RequestLedger;

impl RequestLedger {
    /// Claims the request id for this command; again for the same command is fine. For commands
    /// whose aggregate is not derived from the request id, after `decide` said yes and before the append.
    ///
    /// # Errors
    /// [`ClaimError::Reused`] where it stands for another command, however long ago.
    pub async fn claim(db: &impl ConnectionTrait, origin: &Origin) -> Result<(), ClaimError> {
        let _ = (db, origin);
        unimplemented!()
    }
}

/// The table that a ledger needs.
pub fn migration() -> Box<dyn MigrationTrait> {
    unimplemented!()
}
