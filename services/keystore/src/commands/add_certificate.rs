//! AddCertificate.

use eventlog::{Origin, RequestLedger};
use pki::{Certificate, FriendlyName, chain, fingerprint::sha256_hex};
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{
    certificate::{self, Command, KeyedChain, State},
    claims::Kind,
    refusal::Refusal,
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
            Place::New(_) => Uuid::new_v5(&BY_FINGERPRINT, fingerprint.as_bytes()),
        };
        let holder = self.claims.holder_of(Kind::Fingerprint, &fingerprint).await;
        let id = holder.map_err(CommandError::Database)?.unwrap_or(asked_for);
        let state = self.certificate(id).await?;
        if let Some(added) = found(id, &state, &fingerprint) {
            return Ok(added);
        }
        if id != asked_for {
            return Err(Refusal::BeingAdded.into());
        }
        let mut command = command(add);
        // Refused here, it leaves nothing behind.
        certificate::decide(&state, &command)?;
        let now = self.clock.now();

        // Step 1: the request id, as the certificate's own id does not depend on it.
        RequestLedger::claim(&self.database, origin).await?;
        // Step 2: the fingerprint and, for a new certificate, its name. A crash after this leaves
        // claims, which a repeat finds its own, or else the sweep.
        let first = self
            .claims
            .claim(Kind::Fingerprint, &fingerprint, id, now)
            .await;
        if first.map_err(CommandError::Database)? != id {
            return Err(Refusal::BeingAdded.into());
        }
        if let Command::Add { friendly_name, .. } = &mut command {
            let free = self.claims.claim_free_name(friendly_name, id, now).await;
            *friendly_name = free.map_err(CommandError::Database)?;
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
        let added = found(id, &state, &fingerprint).ok_or(CommandError::Contended)?;
        // Step 4: note it, so that the sweep need not look.
        let values = [fingerprint.as_str(), &added.friendly_name];
        let noted = self.claims.mark_recorded(id, &values).await;
        noted.map_err(CommandError::Database)?;
        Ok(added)
    }

    async fn check(&self, add: &AddCertificate) -> Result<(), CommandError> {
        let key = self
            .vault
            .find(add.key_id)
            .await?
            .filter(|key| key.recorded);
        let key = key.ok_or(Refusal::NoSuchKey)?;
        if sha256_hex(&key.spki_der) != add.leaf.spki_sha256 {
            return Err(Refusal::KeyMismatch.into());
        }
        let leaf = std::slice::from_ref(&add.leaf);
        let ordered = chain::check_order(&[leaf, &add.issuers].concat());
        ordered.map_err(Refusal::Chain)?;
        Ok(())
    }

    /// The certificate as the log has it.
    pub(super) async fn certificate(&self, id: Uuid) -> Result<State, CommandError> {
        let loaded = self.log.load::<State>(&id.to_string()).await;
        Ok(loaded.map_err(CommandError::Log)?.state)
    }
}

/// Where in this certificate a fingerprint is, if it is.
pub(super) fn found(certificate_id: Uuid, state: &State, fingerprint: &str) -> Option<Added> {
    let (version, at) = state.version_of(fingerprint)?;
    Some(Added {
        certificate_id,
        version,
        friendly_name: state.kept()?.friendly_name.clone(),
        position: at.position,
    })
}

fn command(add: AddCertificate) -> Command {
    let chain = KeyedChain {
        key_id: add.key_id.to_string(),
        leaf: add.leaf,
        issuers: add.issuers,
    };
    match add.place {
        Place::New(friendly_name) => Command::Add {
            friendly_name,
            chain,
            automation_id: add.automation_id,
        },
        Place::VersionOf(_) => Command::Renew {
            chain,
            automation_id: add.automation_id,
        },
    }
}

const BY_FINGERPRINT: Uuid = Uuid::from_u128(0x3c1b_8f52_90d4_4a6e_b7a9_51e0_2d6c_f813);
