//! AddCertificate.

use std::slice;

use eventlog::Origin;
use pki::{Certificate, FriendlyName, chain};
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{
    certificate::{self, Command, KeyedChain, State},
    claims::{self, KeyClaim, Kind, User},
    linking,
    refusal::Refusal,
    vault,
};

/// A certificate that a CA issued for a key of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCertificate {
    /// The key that it is to belong to.
    pub key_id: Uuid,
    /// What the CA answered.
    pub leaf: Certificate,
    /// Its issuers, in order.
    pub issuers: Vec<Certificate>,
    /// A new certificate, or a version of one.
    pub place: Place,
    /// The automation that got it.
    pub automation_id: String,
}

/// Where a certificate is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It is a new one; a number is added to the name where it is taken.
    New(FriendlyName),
    /// It is the next version of this one.
    VersionOf(Uuid),
}

/// A certificate that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// The certificate through all its versions.
    pub certificate_id: Uuid,
    /// Which version this one is, from 1.
    pub version: u32,
    /// What people call it.
    pub friendly_name: String,
    /// Where the log has this version.
    pub position: u64,
}

impl Commands {
    /// Keeps a certificate. One that is here already, by its fingerprint, answers where it is.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn add_certificate(
        &self,
        origin: &Origin,
        add: AddCertificate,
    ) -> Result<Added, CommandError> {
        self.check(&add).await?;
        let fingerprint = add.leaf.sha256_fingerprint.clone();
        let asked_for = match &add.place {
            Place::VersionOf(id) => *id,
            // By what it is, and not by who asks: two that add the same one meet in one aggregate.
            Place::New(_) => by_fingerprint(&fingerprint),
        };
        let holder = claims::holder_of(&self.database, Kind::Fingerprint, &fingerprint).await;
        let id = holder.map_err(CommandError::Database)?.unwrap_or(asked_for);
        let state = self.certificate(id).await?;
        if let Some(added) = found(id, &state, &fingerprint) {
            return Ok(added);
        }
        if id != asked_for {
            return Err(Refusal::BeingAdded.into());
        }
        let (spki, key_id) = (add.leaf.spki_sha256.clone(), add.key_id);
        let mut command = self.command(add).await?;
        // Refused here, it leaves nothing behind.
        certificate::decide(&state, &command)?;
        let now = self.clock.now();

        // Step 1: the request id, as the certificate's own id does not depend on it.
        self.claim_request(origin).await?;
        // Step 2: the fingerprint, the key, and, for a new certificate, its name. A crash after this
        // leaves claims, which a repeat finds its own, or else the sweep.
        let wanted = match &command {
            Command::Add { friendly_name, .. } => Some(friendly_name.clone()),
            _ => None,
        };
        let claimed = fingerprint.clone();
        let claimed = self.writer.write(move |tx| {
            Box::pin(async move {
                // Only now is it sure to stay.
                if !vault::is_here(tx, key_id).await? {
                    return Ok(Err(Refusal::NoSuchKey));
                }
                let first = claims::claim(tx, Kind::Fingerprint, &claimed, id, now).await?;
                if first != id {
                    return Ok(Err(Refusal::BeingAdded));
                }
                let user = User::Certificate;
                if claims::use_key_again(tx, &spki, id, user, now).await? != KeyClaim::Made {
                    return Ok(Err(Refusal::KeyBeingDestroyed));
                }
                Ok(Ok(match wanted {
                    Some(name) => Some(claims::claim_free_name(tx, &name, id, now).await?),
                    None => None,
                }))
            })
        });
        let free = claimed.await.map_err(CommandError::Database)??;
        if let (Command::Add { friendly_name, .. }, Some(free)) = (&mut command, free) {
            *friendly_name = free;
        }
        // Step 3: append.
        let decide = |state: &State| certificate::decide(state, &command);
        let done = self
            .log
            .execute(&id.to_string(), origin, "certificate", now, decide)
            .await;
        let state = match done {
            Ok(done) => done.state,
            // Another request added the same one in the meantime: that is what was wanted.
            Err(eventlog::CommandError::Refused(Refusal::AlreadyHere { .. })) => {
                self.certificate(id).await?
            }
            Err(error) => return Err(error.into()),
        };
        found(id, &state, &fingerprint).ok_or(CommandError::Contended)
    }

    async fn check(&self, add: &AddCertificate) -> Result<(), CommandError> {
        let key = self.key(add.key_id).await?;
        if key.spki_sha256 != add.leaf.spki_sha256 {
            return Err(Refusal::KeyMismatch.into());
        }
        let leaf = std::slice::from_ref(&add.leaf);
        let ordered = chain::check_order(&[leaf, &add.issuers].concat());
        ordered.map_err(Refusal::Chain)?;
        Ok(())
    }

    /// What is to be decided; where the CA left the root out, and that is known here, it is there.
    async fn command(&self, add: AddCertificate) -> Result<Command, CommandError> {
        let mut issuers = add.issuers;
        if let Some(last) = issuers.last().filter(|last| !last.self_signed) {
            let known = self.above(slice::from_ref(last)).await?;
            let above = self.path(last, known.certificates).await?;
            issuers.extend(above.issuers);
            issuers.truncate(chain::LONGEST - 1);
            linking::keep_what_fits(&add.leaf, &mut issuers);
        }
        let chain = KeyedChain {
            key_id: add.key_id.to_string(),
            leaf: add.leaf,
            issuers,
        };
        let automation_id = add.automation_id;
        Ok(match add.place {
            Place::New(friendly_name) => Command::Add {
                friendly_name,
                chain,
                automation_id,
            },
            Place::VersionOf(_) => Command::Renew {
                chain,
                automation_id,
            },
        })
    }
}

/// The id of a certificate that came from elsewhere.
pub(crate) fn by_fingerprint(fingerprint: &str) -> Uuid {
    Uuid::new_v5(&BY_FINGERPRINT, fingerprint.as_bytes())
}

/// Where in this certificate a fingerprint is, if it is.
pub(super) fn found(certificate_id: Uuid, state: &State, fingerprint: &str) -> Option<Added> {
    let (version, at) = state.version_of(fingerprint)?;
    Some(Added {
        certificate_id,
        version,
        friendly_name: state.known()?.friendly_name.clone(),
        position: at.position,
    })
}

const BY_FINGERPRINT: Uuid = Uuid::from_u128(0x3c1b_8f52_90d4_4a6e_b7a9_51e0_2d6c_f813);
