//! SignSelfSigned.

use eventlog::{Executed, Origin, derive_id};
use pki::{Certificate, FriendlyName, Subject, SubjectAltNames};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    Added, CommandError, Commands, KeyChoice, add_certificate::found, key_choice::ChosenKey,
};
use crate::{
    certificate::{self, Command, KeyedChain, State},
    claims::{self, KeyClaim, Kind, User},
    events::CertificateEvent,
    refusal::Refusal,
    vault,
};

/// A certificate to sign with its own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfSign {
    /// The key.
    pub key: KeyChoice,
    /// What people are to call it.
    pub friendly_name: FriendlyName,
    /// What to do where the name is taken.
    pub naming: Naming,
    /// Who it is for.
    pub subject: Subject,
    /// The names that it is good for.
    pub names: SubjectAltNames,
    /// How long from now.
    pub life: Duration,
    /// Made at a first start, so that TLS works at once.
    pub factory: bool,
}

/// A certificate that was signed, and is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfSigned {
    /// Where it is.
    pub added: Added,
    /// Its key.
    pub key_id: Uuid,
    /// The certificate itself.
    pub leaf: Certificate,
}

/// What to do where a name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Refuse.
    Exact,
    /// Put a number behind it.
    Numbered,
}

impl Commands {
    /// Signs and keeps a certificate. The same request again answers the same certificate.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn self_sign(
        &self,
        origin: &Origin,
        sign: SelfSign,
    ) -> Result<SelfSigned, CommandError> {
        let (id, key_id) = (derive_id(origin, ITEM), sign.key.id(origin));
        // What was appended was claimed before, and its fingerprint for good: only then the log is asked.
        let claimed = claims::held_by(&self.database, Kind::Fingerprint, id).await;
        if claimed.map_err(CommandError::Database)?.is_some() {
            let certificate = id.to_string();
            let done = self.done_before::<State>(origin, &certificate, ITEM);
            if let Some(done) = done.await? {
                return signed(id, key_id, done);
            }
        }
        let now = self.clock.now();
        let (chosen, leaf, friendly_name) = loop {
            // Step 1: make or open the key, and sign.
            let chosen = self.choose_key(origin, sign.key).await?;
            let leaf = self.sign_leaf(&sign, &chosen, now).await?;
            // Step 2: the key into the vault, and the claims. A crash after this leaves orphans, which a
            // repeat finds its own, or else the sweep.
            if let Some(name) = self.claim_self_signed(id, &sign, &chosen, &leaf).await? {
                break (chosen, leaf, name);
            }
            // Another try of this request has put its key there meanwhile: that is the one.
        };
        // Step 3: append. An event without its key cannot exist.
        self.record_generated(origin, sign.key, &chosen).await?;
        let command = Command::SelfSign {
            friendly_name,
            chain: KeyedChain {
                key_id: chosen.id.to_string(),
                leaf,
                issuers: Vec::new(),
            },
            factory: sign.factory,
        };
        let decide = |state: &State| certificate::decide(state, &command);
        let done = self
            .log
            .execute(&id.to_string(), origin, ITEM, now, decide)
            .await?;
        signed(id, key_id, done)
    }

    async fn sign_leaf(
        &self,
        sign: &SelfSign,
        chosen: &ChosenKey,
        now: OffsetDateTime,
    ) -> Result<Certificate, CommandError> {
        // X.509 has no fractions of a second.
        let from = now.replace_nanosecond(0).unwrap_or(now);
        let (subject, names) = (sign.subject.clone(), sign.names.clone());
        let der = self
            .vault
            .sign_self_signed(chosen.key.clone(), subject, names, from, from + sign.life)
            .await?;
        Certificate::parse(&der).map_err(CommandError::Unreadable)
    }

    /// The name that it has now; `None` where its key is not the one that is in the vault by now.
    async fn claim_self_signed(
        &self,
        id: Uuid,
        sign: &SelfSign,
        chosen: &ChosenKey,
        leaf: &Certificate,
    ) -> Result<Option<FriendlyName>, CommandError> {
        match self.try_claim(id, sign, chosen, leaf).await {
            Err(CommandError::Refused(Refusal::NameTaken { .. } | Refusal::KeyBeingDestroyed)) => {
                // It may just have been given free.
                self.settled().await?;
                self.try_claim(id, sign, chosen, leaf).await
            }
            claimed => claimed,
        }
    }

    async fn try_claim(
        &self,
        id: Uuid,
        sign: &SelfSign,
        chosen: &ChosenKey,
        leaf: &Certificate,
    ) -> Result<Option<FriendlyName>, CommandError> {
        let (name, naming, now) = (sign.friendly_name.clone(), sign.naming, self.clock.now());
        let (fingerprint, spki) = (leaf.sha256_fingerprint.clone(), leaf.spki_sha256.clone());
        let sealed = chosen.sealed.clone();
        let key_id = chosen.id;
        let claimed = self.writer.write(move |tx| {
            Box::pin(async move {
                // What is refused leaves nothing behind: it is looked at, or claimed, before all else.
                let user = User::Certificate;
                if sealed.is_none() {
                    let holder = claims::holder_of(tx, Kind::Name, &name).await?;
                    if naming == Naming::Exact && holder.is_some_and(|holder| holder != id) {
                        return Ok(Err(taken(&name)));
                    }
                    if !vault::is_here(tx, key_id).await? {
                        return Ok(Err(Refusal::NoSuchKey));
                    }
                    if claims::use_key(tx, &spki, id, user, now).await? != KeyClaim::Made {
                        return Ok(Err(Refusal::KeyBeingDestroyed));
                    }
                }
                let name = match naming {
                    Naming::Exact if claims::claim(tx, Kind::Name, &name, id, now).await? != id => {
                        return Ok(Err(taken(&name)));
                    }
                    Naming::Exact => name,
                    Naming::Numbered => claims::claim_free_name(tx, &name, id, now).await?,
                };
                if let Some(sealed) = sealed {
                    if !sealed.put(tx).await? {
                        return Ok(Ok(None));
                    }
                    claims::use_new_key(tx, &spki, id, user, now).await?;
                }
                claims::claim(tx, Kind::Fingerprint, &fingerprint, id, now).await?;
                Ok(Ok(Some(name)))
            })
        });
        Ok(claimed.await.map_err(CommandError::Database)??)
    }
}

fn taken(name: &FriendlyName) -> Refusal {
    Refusal::NameTaken {
        name: name.to_string(),
    }
}

/// What counts is the certificate in the event: a repeat may have signed once more for nothing.
fn signed(id: Uuid, key_id: Uuid, done: Executed<State>) -> Result<SelfSigned, CommandError> {
    // Under this event id nothing else is ever appended.
    let CertificateEvent::SelfSigned(event) = &done.event else {
        return Err(CommandError::RequestIdReused);
    };
    let der = event.certificate.as_ref().map(|c| &c.der[..]);
    let leaf = Certificate::parse(der.unwrap_or_default()).map_err(CommandError::Unreadable)?;
    let added = found(id, &done.state, &leaf.sha256_fingerprint).ok_or(CommandError::Contended)?;
    Ok(SelfSigned {
        added,
        key_id,
        leaf,
    })
}

/// What a command's certificate, and the event that makes it, are derived from beside the command.
const ITEM: &str = "certificate";
