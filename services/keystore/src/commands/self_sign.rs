//! SignSelfSigned.

use eventlog::{Origin, derive_id};
use pki::{Certificate, FriendlyName, Subject, SubjectAltNames};
use time::Duration;
use uuid::Uuid;

use super::{Added, CommandError, Commands, add_certificate::found};
use crate::{
    certificate::{self, Command, KeyedChain, State},
    claims::Kind,
    events::CertificateEvent,
    refusal::Refusal,
};

/// A certificate to sign with its own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfSign {
    /// The key.
    pub key_id: Uuid,
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
    ) -> Result<(Added, Certificate), CommandError> {
        let key = self
            .vault
            .find(sign.key_id)
            .await?
            .filter(|key| key.recorded);
        let key = key.ok_or(Refusal::NoSuchKey)?;
        let id = derive_id(origin, "certificate");
        let now = self.clock.now();
        let state = self.certificate(id).await?;

        // Step 1: the name. A crash after this leaves a claim, which a repeat finds its own, or else
        // the sweep. A certificate that is kept has its name already: this is a repeat.
        let friendly_name = match state.kept() {
            Some(_) => sign.friendly_name.clone(),
            None => self.claim_name(&sign, id).await?,
        };
        // Step 2: sign. X.509 has no fractions of a second.
        let from = now.replace_nanosecond(0).unwrap_or(now);
        let der = self
            .vault
            .sign_self_signed(key.id, sign.subject, sign.names, from, from + sign.life)
            .await?;
        let leaf = Certificate::parse(&der).map_err(CommandError::Unreadable)?;
        // Step 3: the fingerprint, likewise swept if no event follows.
        if state.kept().is_none() {
            let fingerprint = &leaf.sha256_fingerprint;
            let claimed = self
                .claims
                .claim(Kind::Fingerprint, fingerprint, id, now)
                .await;
            claimed.map_err(CommandError::Database)?;
        }
        // Step 4: append.
        let command = Command::SelfSign {
            friendly_name,
            chain: KeyedChain {
                key_id: key.id.to_string(),
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
        // Step 5: note it, so that the sweep need not look.
        let values = [leaf.sha256_fingerprint.as_str(), &added.friendly_name];
        let noted = self.claims.mark_recorded(id, &values).await;
        noted.map_err(CommandError::Database)?;
        Ok((added, leaf))
    }

    async fn claim_name(&self, sign: &SelfSign, id: Uuid) -> Result<FriendlyName, CommandError> {
        let (name, now) = (&sign.friendly_name, self.clock.now());
        match sign.naming {
            Naming::Numbered => {
                let free = self.claims.claim_free_name(name, id, now).await;
                free.map_err(CommandError::Database)
            }
            Naming::Exact => {
                let holder = self.claims.claim(Kind::Name, name, id, now).await;
                if holder.map_err(CommandError::Database)? == id {
                    Ok(name.clone())
                } else {
                    Err(Refusal::NameTaken {
                        name: name.to_string(),
                    }
                    .into())
                }
            }
        }
    }
}

fn signed(event: &CertificateEvent) -> Result<Certificate, CommandError> {
    let der = match event {
        CertificateEvent::SelfSigned(signed) => signed.certificate.as_ref().map(|c| c.der.clone()),
        CertificateEvent::Issued(_) | CertificateEvent::Renewed(_) => None,
    };
    Certificate::parse(&der.unwrap_or_default()).map_err(CommandError::Unreadable)
}
