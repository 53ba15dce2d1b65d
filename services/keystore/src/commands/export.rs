//! Export, ExportWithPrivateKeys and ExportKey.

mod encode;

use std::collections::HashMap;

use api::{
    CertificateFilter,
    keystore::v1::{CertificateExported, KeyExported},
};
use eventlog::{Loaded, Origin};
use futures_util::{StreamExt, TryStreamExt, stream};
use pki::{Certificate, PrivateKey, export::Octets};
use tokio::task::spawn_blocking;
use uuid::Uuid;
use zeroize::Zeroizing;

use self::encode::Item;
use super::{CommandError, Commands};
use crate::{
    certificate::{self, Command, State},
    events::CertificateEvent,
    key,
    refusal::Refusal,
};

/// What is to be given out, and how.
#[derive(Clone)]
pub struct Export {
    /// Of which certificates what.
    pub items: Vec<ExportItem>,
    /// The form.
    pub format: Format,
    /// PEM: everything in one file.
    pub one_file: bool,
    /// The passphrase, where one was given.
    pub passphrase: Option<Zeroizing<String>>,
    /// Private keys may leave unprotected.
    pub unprotected: bool,
    /// PKCS#12: for old readers.
    pub legacy_encryption: bool,
}

/// What is to be given out of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportItem {
    /// The certificate.
    pub certificate_id: Uuid,
    /// Which version; the newest where it is left out.
    pub version: Option<u32>,
    /// The certificate itself.
    pub certificate: bool,
    /// The issuers.
    pub chain: bool,
    /// The private key.
    pub private_key: bool,
}

/// One private key alone.
#[derive(Clone)]
pub struct ExportKey {
    /// The key.
    pub key_id: Uuid,
    /// As PEM, else as DER.
    pub pem: bool,
    /// The passphrase, where one was given.
    pub passphrase: Option<Zeroizing<String>>,
    /// It may leave unprotected.
    pub unprotected: bool,
}

/// The form of what is given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// PEM.
    Pem,
    /// DER.
    Der,
    /// PKCS#12.
    Pkcs12,
    /// Java KeyStore.
    Jks,
    /// PKCS#7 with certificates alone, DER.
    Pkcs7,
    /// Likewise, PEM.
    Pkcs7Pem,
}

impl Format {
    /// As it stands in events.
    fn name(self) -> &'static str {
        match self {
            Self::Pem => "PEM",
            Self::Der => "DER",
            Self::Pkcs12 => "PKCS#12",
            Self::Jks => "JKS",
            Self::Pkcs7 | Self::Pkcs7Pem => "PKCS#7",
        }
    }
}

/// A file that is given out.
pub struct Exported {
    /// A name for it.
    pub file_name: String,
    /// Its type (RFC 6838).
    pub media_type: &'static str,
    /// What is in it. It may hold private keys.
    pub content: Octets,
    /// Where the log has the last of the events that say so.
    pub position: u64,
}

impl Commands {
    /// Gives out certificates, and private keys where they are asked for. What is not the affair of a caller who is
    /// held to some certificates is not there for him.
    ///
    /// # Errors
    /// See [`CommandError`]; without all that is asked for nothing is given out.
    pub async fn export(
        &self,
        origin: &Origin,
        held_to: &CertificateFilter,
        export: Export,
    ) -> Result<Exported, CommandError> {
        // Step 1: all that is asked for is here, and can be written in this form.
        let mut items = Vec::with_capacity(export.items.len());
        for item in &export.items {
            items.push(self.item(item, held_to).await?);
        }
        let protected = export.passphrase.is_some();
        if export.items.iter().any(|item| item.private_key) && !protected && !export.unprotected {
            return Err(Refusal::PassphraseNeeded.into());
        }
        let (format, now) = (export.format, self.clock.now());
        let (names, asked_for) = (
            items.iter().map(Item::names).collect::<Vec<_>>(),
            export.items.clone(),
        );
        let written = spawn_blocking(move || encode::encode(&items, &export, now)).await;
        let file = written.map_err(CommandError::Broken)?;
        let file = file.map_err(|error| Refusal::CannotExport(error.to_string()))?;
        // Step 2: the events, before anything leaves.
        self.claim_request(origin).await?;
        let mut certificates = HashMap::<Uuid, u32>::new();
        let events = asked_for.iter().zip(&names).map(|(item, names)| {
            // The same certificate twice is two events.
            let nth = certificates.entry(item.certificate_id).or_default();
            *nth += 1;
            let exported = CertificateExported {
                version: names.version,
                format: format.name().to_owned(),
                certificate: item.certificate,
                chain: item.chain,
                private_key: item.private_key,
                protected: item.private_key && protected,
            };
            (item.certificate_id, *nth, exported, names.key_id)
        });
        let events = events.collect::<Vec<_>>();
        let appended = stream::iter(events)
            .map(|(id, nth, exported, key_id)| async move {
                // A repeat after a renewal gives out another version than before: that is another event.
                let version = exported.version;
                let key = match key_id {
                    Some(key_id) => {
                        let exported = KeyExported {
                            format: format.name().to_owned(),
                            protected,
                            certificate_id: id.to_string(),
                        };
                        let item = format!("export {id} {nth} version {version}");
                        self.record_key_export(origin, key_id, &item, exported)
                            .await?
                    }
                    None => 0,
                };
                let command = Command::Export(exported);
                let decide = |state: &State| certificate::decide(state, &command);
                let (id, item) = (id.to_string(), format!("export {nth} version {version}"));
                let done = self.log.execute(&id, origin, &item, now, decide).await?;
                Ok::<_, CommandError>(done.position.max(key))
            })
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(Exported {
            file_name: file.name,
            media_type: file.media_type,
            content: file.content,
            position: appended.into_iter().max().unwrap_or_default(),
        })
    }

    /// Gives out one private key alone.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn export_key(
        &self,
        origin: &Origin,
        export: ExportKey,
    ) -> Result<Exported, CommandError> {
        let key_id = export.key_id;
        self.key(key_id).await?;
        let protected = export.passphrase.is_some();
        if !protected && !export.unprotected {
            return Err(Refusal::PassphraseNeeded.into());
        }
        let key = self.vault.private_key(key_id).await?;
        let format = if export.pem { Format::Pem } else { Format::Der };
        let written = spawn_blocking(move || encode::encode_key(&key, &export)).await;
        let file = written.map_err(CommandError::Broken)?;
        let file = file.map_err(|error| Refusal::CannotExport(error.to_string()))?;
        // The event, before anything leaves.
        self.claim_request(origin).await?;
        let exported = KeyExported {
            format: format.name().to_owned(),
            protected,
            certificate_id: String::new(),
        };
        let position = self
            .record_key_export(origin, key_id, "export", exported)
            .await?;
        Ok(Exported {
            file_name: file.name,
            media_type: file.media_type,
            content: file.content,
            position,
        })
    }

    async fn record_key_export(
        &self,
        origin: &Origin,
        key_id: Uuid,
        item: &str,
        exported: KeyExported,
    ) -> Result<u64, CommandError> {
        let command = key::Command::Export(exported);
        let decide = |state: &key::State| key::decide(state, &command);
        let (id, now) = (key_id.to_string(), self.clock.now());
        let done = self.log.execute(&id, origin, item, now, decide).await?;
        Ok(done.position)
    }

    /// All that is asked for of one certificate.
    async fn item(
        &self,
        asked_for: &ExportItem,
        held_to: &CertificateFilter,
    ) -> Result<Item, CommandError> {
        let id = asked_for.certificate_id.to_string();
        let loaded = self.log.load::<State>(&id).await;
        let loaded = loaded.map_err(CommandError::Log)?;
        loaded.state.within(held_to)?;
        let kept = loaded.state.existing()?;
        let newest = kept.version();
        let version = asked_for.version.unwrap_or(newest);
        let (leaf, issuers) = if version == newest {
            let issuers = kept.issuers.iter().map(Certificate::try_from);
            (Certificate::try_from(&kept.leaf), issuers.collect())
        } else {
            older(&loaded, version)?.ok_or(Refusal::NoSuchVersion { newest })?
        };
        let unreadable = |_| CommandError::Unreadable(pki::CertificateError::Malformed);
        let leaf = leaf.map_err(unreadable)?;
        // An older version may have had other names.
        if !held_to.covers(leaf.names()) {
            return Err(Refusal::NoSuchVersion { newest }.into());
        }
        let issuers: Result<Vec<_>, _> = issuers;
        let issuers = issuers.map_err(unreadable)?;
        let key = match asked_for.private_key {
            true => Some(self.key_of(&leaf).await?),
            false => None,
        };
        Ok(Item {
            friendly_name: kept.friendly_name.clone(),
            version,
            certificate: asked_for.certificate.then_some(leaf),
            issuers: if asked_for.chain { issuers } else { Vec::new() },
            key,
        })
    }

    async fn key_of(&self, leaf: &Certificate) -> Result<(Uuid, PrivateKey), CommandError> {
        let keys = self.vault.find_by_spki(&[&*leaf.spki_sha256]).await?;
        let key = keys.first().ok_or(Refusal::KeyMissing)?;
        Ok((key.id, self.vault.private_key(key.id).await?))
    }
}

type Parsed = Result<Certificate, api::convert::UnreadableCertificate>;
type Chain = (
    Parsed,
    Result<Vec<Certificate>, api::convert::UnreadableCertificate>,
);

/// A version that another has taken the place of, with the last chain that was known for it.
fn older(loaded: &Loaded<State>, version: u32) -> Result<Option<Chain>, CommandError> {
    let mut found = None;
    let mut number = 0;
    for recorded in &loaded.events {
        let (leaf, issuers) = match recorded.decode().map_err(CommandError::Log)? {
            CertificateEvent::Issued(event) => (event.certificate, event.issuers),
            CertificateEvent::Imported(event) => (event.certificate, event.issuers),
            CertificateEvent::Renewed(event) => (event.certificate, event.issuers),
            CertificateEvent::SelfSigned(event) => (event.certificate, Vec::new()),
            CertificateEvent::ChainCompleted(event) if event.version == version => {
                if let Some((_, issuers)) = &mut found {
                    *issuers = event.issuers;
                }
                continue;
            }
            _ => continue,
        };
        number += 1;
        if number == version {
            found = Some((leaf.unwrap_or_default(), issuers));
        }
    }
    Ok(found.map(|(leaf, issuers)| {
        (
            Certificate::try_from(&leaf),
            issuers.iter().map(Certificate::try_from).collect(),
        )
    }))
}

/// Appends under way for one command.
const AT_ONCE: usize = 16;
