//! What a command does, step by step. The order of the writes is the safety: what is secret or
//! claimed first, then the event. A crash between them leaves an orphan, which [`crate::sweep`] finds.

mod add_certificate;
mod choose_default;
mod delete_certificate;
mod destroy_key;
mod export;
mod generate_key;
mod import;
mod key_choice;
mod mark_revoked;
mod release_certificate;
mod rename;
mod reserve_request;
mod self_sign;

use std::{collections::HashSet, sync::Arc};

use eventlog::{
    Aggregate, Changed, ClaimError, EventLog, Executed, LogError, Origin, RequestLedger,
};
use pki::{Subject, SubjectAltNames};
use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use tokio::{sync::watch, task::JoinError};
use uuid::Uuid;

#[cfg(test)]
pub(crate) use self::add_certificate::by_fingerprint;
pub use self::{
    add_certificate::{AddCertificate, Added, Place},
    export::{Export, ExportItem, ExportKey, Exported, Format},
    import::{File, ImportedCertificate, ImportedKey, Item, Outcome, Verdict},
    key_choice::KeyChoice,
    reserve_request::ReserveRequest,
    self_sign::{Naming, SelfSign},
};
use crate::{
    certificate,
    claims::{self, KeyClaim, User},
    follow::Progress,
    internal_ca::InternalCaError,
    key,
    refusal::Refusal,
    secrets::SecretError,
    vault::{StoredKey, Vault, VaultError},
    writer::Writer,
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
    /// Writes claims and keys, before the event that they are for.
    pub writer: Writer,
    /// How far the tables have followed.
    pub progress: Progress,
    /// Tells that chains were built, and which could not be, and are tried again.
    pub linked: Arc<watch::Sender<HashSet<Uuid>>>,
    /// The time.
    pub clock: Clock,
}

impl Commands {
    /// Commands on this log and database; needs a tokio runtime.
    pub fn new(log: EventLog, vault: Vault, database: DatabaseConnection, clock: Clock) -> Self {
        Self {
            log,
            vault,
            writer: Writer::new(database.clone()),
            progress: Progress::new(database.clone()),
            linked: Arc::default(),
            database,
            clock,
        }
    }

    /// The certificate as the log has it.
    pub(crate) async fn certificate(&self, id: Uuid) -> Result<certificate::State, CommandError> {
        let loaded = self.log.load::<certificate::State>(&id.to_string()).await;
        Ok(loaded.map_err(CommandError::Log)?.state)
    }

    /// Builds a certificate request with a key that is here, for an order at an ACME server, and signs it.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn sign_request(
        &self,
        key_id: Uuid,
        subject: Subject,
        names: SubjectAltNames,
    ) -> Result<Vec<u8>, CommandError> {
        let stored = self.key(key_id).await?;
        let (spki, now) = (stored.spki_sha256, self.clock.now());
        // Until the certificate is here, or the order has ended, the key stays.
        let claimed = self.writer.write(move |tx| {
            Box::pin(async move { claims::use_key(tx, &spki, key_id, User::Order, now).await })
        });
        if claimed.await.map_err(CommandError::Database)? != KeyClaim::Made {
            return Err(Refusal::KeyBeingDestroyed.into());
        }
        let key = Arc::new(self.vault.private_key(key_id).await?);
        Ok(self.vault.sign_request(key, subject, names).await?)
    }

    /// Claims the request id of a command whose aggregate is not derived from it.
    async fn claim_request(&self, origin: &Origin) -> Result<(), CommandError> {
        let origin = origin.clone();
        let claimed = self.writer.write(move |tx| {
            Box::pin(async move {
                match RequestLedger::claim(tx, &origin).await {
                    Err(ClaimError::Database(error)) => Err(error),
                    claimed => Ok(claimed),
                }
            })
        });
        Ok(claimed.await.map_err(CommandError::Database)??)
    }

    /// A key that is here, and has its event.
    async fn key(&self, id: Uuid) -> Result<StoredKey, CommandError> {
        let key = self.vault.find(id).await?.ok_or(Refusal::NoSuchKey)?;
        if !key.recorded {
            // The follower may not have come there yet.
            let loaded = self.log.load::<key::State>(&id.to_string()).await;
            if loaded.map_err(CommandError::Log)?.state != key::State::Here {
                return Err(Refusal::NoSuchKey.into());
            }
        }
        Ok(key)
    }

    /// Where the log has what this request did to an aggregate, if it did it: a repeat is answered with
    /// that, whatever holds by now, and claims nothing.
    pub(crate) async fn done_before<A: Aggregate>(
        &self,
        origin: &Origin,
        id: &str,
        item: &str,
    ) -> Result<Option<Executed<A>>, CommandError> {
        let nothing_new = |_: &A| Err(NotDone);
        let now = self.clock.now();
        match self.log.execute(id, origin, item, now, nothing_new).await {
            Ok(done) => Ok(Some(done)),
            Err(eventlog::CommandError::Refused(NotDone)) => Ok(None),
            Err(eventlog::CommandError::RequestIdReused) => Err(CommandError::RequestIdReused),
            Err(eventlog::CommandError::Contended) => Err(CommandError::Contended),
            Err(eventlog::CommandError::Changed(changed)) => Err(CommandError::Changed(changed)),
            Err(eventlog::CommandError::Failed(log)) => Err(CommandError::Log(log)),
        }
    }

    /// Returns once every claim has been confirmed, or taken back, that an event has settled by now: for
    /// a second look, where a claim stands against a command.
    pub(crate) async fn settled(&self) -> Result<(), CommandError> {
        let last = self.log.last_sequence().await.map_err(CommandError::Log)?;
        let caught_up = self.progress.caught_up(last).await;
        caught_up.map_err(CommandError::Database)
    }
}

/// The log has nothing of a request.
struct NotDone;

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
    /// It has changed since the caller read it.
    #[error(transparent)]
    Changed(Changed),
    /// The event log did not do its part. The event may be stored: the same request again finds out.
    #[error("the event log did not take the event")]
    Log(#[source] LogError),
    /// The vault did not do its part.
    #[error("the vault failed")]
    Vault(#[source] VaultError),
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
    /// Work off the async threads ended before its time.
    #[error("the work was broken off")]
    Broken(#[source] JoinError),
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

impl From<VaultError> for CommandError {
    fn from(error: VaultError) -> Self {
        match error {
            // It was destroyed since it was looked at.
            VaultError::NoSuchKey(_) => Self::Refused(Refusal::NoSuchKey),
            error => Self::Vault(error),
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
