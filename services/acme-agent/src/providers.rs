//! DNS providers: what kinds there are ([`kinds`]), who uses them ([`uses`]), how people add and remove them
//! ([`admin`]), and here how one is opened to write a record ([`mod@write`]).
//!
//! What a provider was told is in the log, but for its secrets: those are sealed in the keystore.

pub mod admin;
mod cloud;
pub mod kinds;
mod rfc2136;
pub mod uses;
mod write;

pub use rfc2136::WrongSetting;
pub use write::{WriteError, Writer};

use eventlog::{EventLog, LogError, Origin};
use runtime::{Clock, Egress};
use uuid::Uuid;

use crate::{
    dns_provider::DnsProvider,
    keystore::{Keystore, KeystoreError},
};
use cloud::Cloud;
use kinds::{Kind, Settings};
use rfc2136::Primary;

/// Why a provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not there, or was removed.
    #[error("there is no such DNS provider")]
    NotFound,
    /// A later version knows its kind.
    #[error("its kind {kind:?} is not known to this version")]
    UnknownKind {
        /// The kind's id.
        kind: String,
    },
    /// Its secrets are gone.
    #[error("the secrets of {name} are not in the keystore")]
    NoSecrets {
        /// Its name.
        name: String,
    },
    /// What it was told cannot be used any more.
    #[error("the setting {field} of {name} cannot be used")]
    Setting {
        /// Its name.
        name: String,
        /// The field's id.
        field: &'static str,
    },
    /// The log.
    #[error("the event log did not answer")]
    Log(#[source] LogError),
    /// The keystore.
    #[error("the keystore did not do its part")]
    Keystore(#[source] KeystoreError),
}

/// A provider, ready to write.
pub struct Opened {
    /// What it is called.
    pub name: String,
    /// Who writes.
    pub writer: Writer,
}

/// Opens providers. Cheap to clone.
#[derive(Clone)]
pub struct Openers {
    /// What was added.
    pub log: EventLog,
    /// Where the secrets are.
    pub keystore: Keystore,
    /// Which servers may be reached.
    pub egress: Egress,
    /// The time.
    pub clock: Clock,
}

impl Openers {
    /// Opens a provider that was added.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(&self, id: Uuid, origin: &Origin) -> Result<Opened, OpenError> {
        let loaded = self.log.load::<DnsProvider>(&id.to_string()).await;
        let provider = loaded.map_err(OpenError::Log)?.state;
        let added = provider.added().map_err(|_| OpenError::NotFound)?;
        let name = added.name.clone();
        let kind = kinds::find(&added.kind).ok_or_else(|| OpenError::UnknownKind {
            kind: added.kind.clone(),
        })?;
        let sealed = self.keystore.open(origin, &secret_name(id)).await;
        let sealed = sealed.map_err(OpenError::Keystore)?;
        let settings = sealed.and_then(|sealed| Settings::joined(&added.settings, &sealed));
        let settings = settings.ok_or_else(|| OpenError::NoSecrets { name: name.clone() })?;
        match self.writer(kind, &settings) {
            Ok(writer) => Ok(Opened { name, writer }),
            Err(wrong) => Err(OpenError::Setting {
                name,
                field: wrong.field,
            }),
        }
    }

    /// Who writes with these settings; nobody is asked yet.
    ///
    /// # Errors
    /// [`WrongSetting`]
    pub fn writer(&self, kind: &Kind, settings: &Settings) -> Result<Writer, WrongSetting> {
        match Cloud::open(kind, settings) {
            Some(cloud) => Ok(Writer::Cloud(Box::new(cloud?))),
            None => {
                let primary = Primary::new(settings, self.egress.clone(), self.clock.clone())?;
                Ok(Writer::Primary(Box::new(primary)))
            }
        }
    }
}

/// Under which the keystore has a provider's secrets.
fn secret_name(id: Uuid) -> String {
    format!("dns-provider/{id}")
}
