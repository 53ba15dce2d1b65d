//! What a command does, step by step. The order of the writes is the safety: what is secret or
//! claimed first, then the event. A crash between them leaves an orphan, which [`crate::sweep`] finds.

mod add_certificate;
mod generate_key;
mod self_sign;

use eventlog::{ClaimError, EventLog, LogError};
use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};

pub use self::{
    add_certificate::{AddCertificate, Added, Place},
    self_sign::{Naming, SelfSign},
};
use crate::{
    claims::Claims,
    internal_ca::InternalCaError,
    refusal::Refusal,
    secrets::SecretError,
    vault::{Vault, VaultError},
};

/// What commands work with. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    /// Where events go.
    pub log: EventLog,
    /// Where claims and request ids are.
    pub database: DatabaseConnection,
    /// Where keys are.
    pub vault: Vault,
    /// Whose names and fingerprints are.
    pub claims: Claims,
    /// The time.
    pub clock: Clock,
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The rules said no; the caller can act on it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// This request id was used before, for another command.
    #[error("the request id was used before for another command")]
    RequestIdReused,
    /// Others kept changing the same thing.
    #[error("others keep changing this at the same time; try again")]
    Contended,
    /// The event log did not do its part. The event may be stored: the same request again finds out.
    #[error("the event log did not take the event")]
    Log(#[source] LogError),
    /// The vault did not do its part.
    #[error("the vault failed")]
    Vault(#[from] VaultError),
    /// A sealed secret was not kept or given.
    #[error("a sealed secret cannot be kept or given")]
    Secret(#[from] SecretError),
    /// The internal CA did not do its part.
    #[error("the identity cannot be issued")]
    Identity(#[from] InternalCaError),
    /// A certificate of our own making cannot be read.
    #[error("a certificate that was made here cannot be read")]
    Unreadable(#[source] pki::CertificateError),
    /// The database did not answer.
    #[error("the database does not answer")]
    Database(#[source] DbErr),
}

impl From<eventlog::CommandError<Refusal>> for CommandError {
    fn from(error: eventlog::CommandError<Refusal>) -> Self {
        match error {
            eventlog::CommandError::Refused(refusal) => Self::Refused(refusal),
            eventlog::CommandError::RequestIdReused => Self::RequestIdReused,
            eventlog::CommandError::Contended => Self::Contended,
            eventlog::CommandError::Failed(log) => Self::Log(log),
        }
    }
}

impl From<ClaimError> for CommandError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Reused => Self::RequestIdReused,
            ClaimError::Database(database) => Self::Database(database),
        }
    }
}
