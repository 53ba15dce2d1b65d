//! What a command does, step by step. What spans both services is in this order: the keystore reserves
//! before a request is appended, and gives up before its deletion is. A repeat goes through all of it
//! again, and finds what the first try did.

mod copy_from;
mod create_request;
mod delete_requests;
mod fetch_issuers;
mod self_sign;
mod within;

use api::{
    keystore::v1::{KeyChoice, key_choice},
    x509,
};
use eventlog::{Changed, ClaimError, EventLog, LogError};
use pki::{FriendlyName, KeyAlgorithm, Subject, SubjectAltNames};
use runtime::{Clock, Egress, EgressError};
use sea_orm::{DatabaseConnection, DbErr};
use uuid::Uuid;

pub use self::{
    copy_from::Source, create_request::CreateRequest, delete_requests::DeleteRequests,
    self_sign::SelfSign,
};
use crate::{
    keystore::{Keystore, KeystoreError},
    reactions::Progress,
    refusal::Refusal,
};

/// What commands work with. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    /// Where events go.
    pub log: EventLog,
    /// Where request ids and the keys that are here are.
    pub database: DatabaseConnection,
    /// Who has the keys and the names.
    pub keystore: Keystore,
    /// The way out to where issuers lie.
    pub egress: Egress,
    /// How far the tables are.
    pub progress: Progress,
    /// The time.
    pub clock: Clock,
}

/// What a person fills in for a request and for a self-signed certificate alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What people are to call it.
    pub friendly_name: FriendlyName,
    /// Its key.
    pub key: Key,
    /// Who it is for.
    pub subject: Subject,
    /// The names that it is good for, at least one.
    pub names: SubjectAltNames,
}

/// The key of something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// One that is here.
    Existing(Uuid),
    /// One to make.
    New(KeyAlgorithm),
}

impl From<Key> for KeyChoice {
    fn from(key: Key) -> Self {
        let key = match key {
            Key::Existing(id) => key_choice::Key::ExistingKeyId(id.to_string()),
            Key::New(algorithm) => {
                key_choice::Key::NewKey(x509::v1::KeyAlgorithm::from(algorithm).into())
            }
        };
        Self { key: Some(key) }
    }
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The rules said no; the caller can act on it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The keystore said no, or did not answer.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// This request id was used before, for another command.
    #[error("the request id was used before for another command")]
    RequestIdReused,
    /// Others kept changing the same thing.
    #[error("others keep changing this at the same time; try again")]
    Contended,
    /// It has changed since the caller read it.
    #[error(transparent)]
    Changed(Changed),
    /// The event log did not do its part. The event may be stored: the same request again finds out.
    #[error("the event log did not do its part")]
    Log(#[source] LogError),
    /// The tables do not reach the log's end in time.
    #[error("the tables of this service are behind the log; try again in a moment")]
    Behind,
    /// The database did not answer.
    #[error("the database does not answer")]
    Database(#[source] DbErr),
    /// The log has a certificate that is none.
    #[error("the certificate in the log cannot be read")]
    Unreadable(#[source] pki::CertificateError),
    /// There is no way out at all.
    #[error("outgoing connections cannot be set up")]
    Egress(#[source] EgressError),
}

impl From<eventlog::CommandError<Refusal>> for CommandError {
    fn from(error: eventlog::CommandError<Refusal>) -> Self {
        match error {
            eventlog::CommandError::Refused(refusal) => Self::Refused(refusal),
            eventlog::CommandError::RequestIdReused => Self::RequestIdReused,
            eventlog::CommandError::Contended => Self::Contended,
            eventlog::CommandError::Changed(changed) => Self::Changed(changed),
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
