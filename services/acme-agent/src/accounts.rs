//! Our accounts at CAs, ready for use: each is opened once, and then shared by all orders there.
//!
//! An account key is sealed in the keystore before its CA hears of it: a crash between the two leaves
//! a key without an account, and the repeat makes the account for that same key (RFC 8555, section 7.3.1).

mod secrets;

pub use secrets::SealedKey;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use api::acme::v1::ServerRegistered;
use eventlog::Origin;
use runtime::{Clock, Egress, EgressError};
use sea_orm::{DatabaseConnection, DbErr};
use time::OffsetDateTime;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{
    client::{self, Account, Client, ExternalAccountKey, Holds, KeyError, NewAccount, Standing},
    contacts,
    failure::{self, About},
    keystore::{Keystore, KeystoreError},
    refusal::{CommandError, Refusal},
};

/// Why there is no account to use.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The CA says no, or does not answer.
    #[error("the CA has no account for us")]
    Ca(#[source] client::Error),
    /// The server's trusted roots cannot be used.
    #[error("no connection can be made to the server")]
    Roots(#[source] EgressError),
    /// The keystore says no, or does not answer.
    #[error("the account's secrets cannot be had")]
    Keystore(#[source] KeystoreError),
    /// The sealed key is no key, or gone.
    #[error("the account's key cannot be used")]
    Key(#[source] KeyError),
    /// The contact addresses cannot be read.
    #[error("the account's contact addresses cannot be read")]
    Database(#[source] DbErr),
}

impl AccountError {
    /// What a command that needed the account ends in; `bound`: it was to be bound to an external one.
    pub fn refusal(self, about: About<'_>, bound: bool) -> CommandError {
        let failure = match self {
            Self::Ca(error) => failure::registration(&error, about, bound),
            Self::Roots(error) => failure::roots(&error),
            Self::Key(error) => failure::account_key(&error.to_string()),
            Self::Keystore(error) => return CommandError::Keystore(error),
            Self::Database(error) => return CommandError::Database(error),
        };
        Refusal::Ca(Box::new(failure)).into()
    }
}

/// All accounts, by server.
pub struct Accounts {
    egress: Egress,
    clock: Clock,
    keystore: Keystore,
    database: DatabaseConnection,
    open: Mutex<HashMap<Uuid, Arc<Slot>>>,
    // Not a client's: what a CA has asked for holds although its directory is read anew.
    holds: Arc<Holds>,
}

struct Slot {
    since: OffsetDateTime,
    account: OnceCell<Arc<Account>>,
}

impl Accounts {
    /// None is open yet.
    pub fn new(
        egress: Egress,
        clock: Clock,
        keystore: Keystore,
        database: DatabaseConnection,
    ) -> Self {
        Self {
            egress,
            clock,
            keystore,
            database,
            open: Mutex::default(),
            holds: Arc::default(),
        }
    }

    /// The account at a registered server. A CA that has forgotten it (a test CA that was started
    /// anew) gets it again: the same key, contact and binding.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub async fn at(
        &self,
        server: Uuid,
        registered: &ServerRegistered,
        origin: &Origin,
    ) -> Result<Arc<Account>, AccountError> {
        let open = || self.open(server, registered, origin);
        let slot = self.slot(server);
        let account = slot.account.get_or_try_init(open).await?;
        if account.thumbprint() == registered.account_key_thumbprint {
            return Ok(account.clone());
        }
        // Another replica has changed the key since; or this one is about to say so.
        self.forget(server);
        let slot = self.slot(server);
        slot.account.get_or_try_init(open).await.cloned()
    }

    /// Opens the account anew next time: the CA did not behave as its directory says.
    pub fn forget(&self, server: Uuid) {
        self.slots().remove(&server);
    }

    /// The account as the CA has it now, to end it; `None` where it has ended there, or is forgotten.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub async fn to_end(
        &self,
        server: Uuid,
        registered: &ServerRegistered,
        origin: &Origin,
    ) -> Result<Option<Account>, AccountError> {
        let Some(key) = self.key(server, origin).await? else {
            return Ok(None);
        };
        let roots = &registered.trusted_roots_der;
        let ca = self.discover(&registered.directory_url, roots).await?;
        match ca.standing(key).await.map_err(AccountError::Ca)? {
            Standing::Valid(account) => Ok(Some(account)),
            Standing::Ended | Standing::Unknown => Ok(None),
        }
    }

    /// The CA's directory, with connections that trust these roots (the public ones, where there are none).
    ///
    /// # Errors
    /// [`AccountError::Ca`], [`AccountError::Roots`].
    pub async fn discover(
        &self,
        directory_url: &str,
        trusted_roots_der: &[impl AsRef<[u8]>],
    ) -> Result<Arc<Client>, AccountError> {
        let http = self.egress.client(trusted_roots_der);
        let http = http.map_err(AccountError::Roots)?;
        let (clock, holds) = (self.clock.clone(), self.holds.clone());
        let discovered = Client::discover(http, clock, holds, directory_url).await;
        discovered.map_err(AccountError::Ca)
    }

    async fn open(
        &self,
        server: Uuid,
        registered: &ServerRegistered,
        origin: &Origin,
    ) -> Result<Arc<Account>, AccountError> {
        let key = self.key(server, origin).await?;
        let key = key.ok_or(AccountError::Key(KeyError::NotAKey))?;
        let roots = &registered.trusted_roots_der;
        let ca = self.discover(&registered.directory_url, roots).await?;
        if let Some(account) = ca.find(key.clone()).await.map_err(AccountError::Ca)? {
            return Ok(Arc::new(account));
        }
        // A crash amid a change of the key: the CA knows the new one, which is not the account's here yet.
        if let Some(next) = self.next_key(server, origin).await?
            && let Some(account) = ca.find(next).await.map_err(AccountError::Ca)?
        {
            return Ok(Arc::new(account));
        }
        tracing::warn!(server = %server, name = registered.name, "the ca has forgotten the account, registering its key again");
        let emails = contacts::of(&self.database, server).await;
        let emails = emails.map_err(AccountError::Database)?;
        let external = self.binding(server, registered, origin).await?;
        let new = NewAccount {
            contact_emails: &emails,
            external: external.as_ref(),
        };
        let account = ca.register(key, &new).await;
        // What an order fails with is in the log for good, and an address must not be.
        let account = account.map_err(|e| AccountError::Ca(e.without(&emails)))?;
        Ok(Arc::new(account))
    }

    async fn binding(
        &self,
        server: Uuid,
        registered: &ServerRegistered,
        origin: &Origin,
    ) -> Result<Option<ExternalAccountKey>, AccountError> {
        let id = &registered.external_account_key_id;
        if id.is_empty() {
            return Ok(None);
        }
        let hmac = self.sealed_binding(server, origin).await?;
        Ok(hmac.map(|hmac| ExternalAccountKey::new(id.clone(), hmac)))
    }

    fn slot(&self, server: Uuid) -> Arc<Slot> {
        let now = self.clock.now();
        let mut slots = self.slots();
        let slot = slots.entry(server).or_insert_with(|| Slot::new(now));
        if now - slot.since > DIRECTORY_LIFE {
            *slot = Slot::new(now);
        }
        slot.clone()
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Arc<Slot>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn new(since: OffsetDateTime) -> Arc<Self> {
        Arc::new(Self {
            since,
            account: OnceCell::new(),
        })
    }
}

/// A CA may change its directory: it is read again after this time.
const DIRECTORY_LIFE: Duration = Duration::from_secs(3_600);
