//! SignSelfSigned.

use eventlog::{Origin, derive_id};
use pki::{Certificate, FriendlyName, Subject, SubjectAltNames};
use time::Duration;
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
        let id = derive_id(origin, "certificate");
        // Step 1: make or open the key, and sign. X.509 has no fractions of a second.
        let chosen = self.choose_key(origin, sign.key).await?;
        let now = self.clock.now();
        let from = now.replace_nanosecond(0).unwrap_or(now);
        let (subject, names) = (sign.subject.clone(), sign.names.clone());
        let der = self
            .vault
            .sign_self_signed(chosen.key.clone(), subject, names, from, from + sign.life)
            .await?;
        let leaf = Certificate::parse(&der).map_err(CommandError::Unreadable)?;
        // Step 2: the key into the vault, and the claims. A crash after this leaves orphans, which a
        // repeat finds its own, or else the sweep.
        let friendly_name = match self.claim_self_signed(id, &sign, &chosen, &leaf).await {
            // A repeat, of what may have another name by now.
            Err(CommandError::Refused(Refusal::NameTaken { .. }))
                if self.certificate(id).await?.known().is_some() =>
            {
                sign.friendly_name.clone()
            }
            claimed => claimed?,
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
            .execute(&id.to_string(), origin, "certificate", now, decide)
            .await?;
        // A repeat signed once more for nothing: what counts is the certificate in the event.
        let leaf = signed(&done.event)?;
        let added =
            found(id, &done.state, &leaf.sha256_fingerprint).ok_or(CommandError::Contended)?;
        Ok(SelfSigned {
            added,
            key_id: chosen.id,
            leaf,
        })
    }

    async fn claim_self_signed(
        &self,
        id: Uuid,
        sign: &SelfSign,
        chosen: &ChosenKey,
        leaf: &Certificate,
    ) -> Result<FriendlyName, CommandError> {
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
    ) -> Result<FriendlyName, CommandError> {
        let (name, naming, now) = (sign.friendly_name.clone(), sign.naming, self.clock.now());
        let (fingerprint, spki) = (leaf.sha256_fingerprint.clone(), leaf.spki_sha256.clone());
        let sealed = chosen.sealed.clone();
        let key_id = chosen.id;
        let claimed = self.writer.write(move |tx| {
            Box::pin(async move {
                // Looked at first: what is refused leaves nothing behind.
                let holder = claims::holder_of(tx, Kind::Name, &name).await?;
                if naming == Naming::Exact && holder.is_some_and(|holder| holder != id) {
                    let name = name.to_string();
                    return Ok(Err(Refusal::NameTaken { name }));
                }
                if let Some(sealed) = sealed {
                    sealed.put(tx).await?;
                } else if !vault::is_here(tx, key_id).await? {
                    return Ok(Err(Refusal::NoSuchKey));
                }
                let user = User::Certificate;
                if claims::use_key(tx, &spki, id, user, now).await? != KeyClaim::Made {
                    return Ok(Err(Refusal::KeyBeingDestroyed));
                }
                claims::claim(tx, Kind::Fingerprint, &fingerprint, id, now).await?;
                if naming == Naming::Exact {
                    claims::claim(tx, Kind::Name, &name, id, now).await?;
                    return Ok(Ok(name));
                }
                claims::claim_free_name(tx, &name, id, now).await.map(Ok)
            })
        });
        Ok(claimed.await.map_err(CommandError::Database)??)
    }
}

fn signed(event: &CertificateEvent) -> Result<Certificate, CommandError> {
    let der = match event {
        CertificateEvent::SelfSigned(signed) => signed.certificate.as_ref().map(|c| c.der.clone()),
        _ => None,
    };
    Certificate::parse(&der.unwrap_or_default()).map_err(CommandError::Unreadable)
}
