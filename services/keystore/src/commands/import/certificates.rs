//! Certificates that come from outside.

use std::{collections::HashMap, sync::Arc};

use eventlog::Origin;
use futures_util::{StreamExt, TryStreamExt, stream};
use pki::{Certificate, CertificateError, FriendlyName, chain};
use sea_orm::{DatabaseTransaction, DbErr};
use time::OffsetDateTime;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{AT_ONCE, Read};
use crate::{
    certificate::{self, Command, KeyedChain, State},
    claims::{self, KeyClaim, Kind, Reservation, User},
    commands::{CommandError, Commands, add_certificate::by_fingerprint},
    linking,
    refusal::Refusal,
    request, vault,
};

/// A certificate that was in a file.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Its id.
    pub certificate_id: Uuid,
    /// What people call it.
    pub friendly_name: String,
    /// SHA-256 of its DER, hex.
    pub fingerprint: String,
    /// It was here before.
    pub already_here: bool,
    /// It had been deleted.
    pub restored: bool,
    /// Its key, where that is here.
    pub key_id: Option<Uuid>,
    /// The request that it answers.
    pub request_id: Option<Uuid>,
    /// Who would have to be imported to complete its chain.
    pub missing: Option<chain::MissingIssuer>,
    pub(super) position: u64,
}

/// A certificate on its way in.
struct Incoming {
    id: Uuid,
    leaf: Certificate,
    path: chain::Path,
    /// What it would be called by itself.
    name: FriendlyName,
}

/// What a certificate got before its event.
#[derive(Debug, Clone)]
enum Claimed {
    Free {
        name: FriendlyName,
        request: Option<Uuid>,
        key_id: Option<Uuid>,
    },
    /// Nothing: it is, or was, a version of this one.
    Held {
        by: Uuid,
        key_id: Option<Uuid>,
    },
    Refused(Refusal),
}

impl Commands {
    /// Keeps the certificates of all files, each once; by fingerprint.
    pub(super) async fn take_in_certificates(
        &self,
        origin: &Origin,
        files: &[Read],
    ) -> Result<HashMap<String, Imported>, CommandError> {
        let mut leaves = HashMap::<&str, &Certificate>::new();
        for leaf in Read::certificates(files) {
            leaves.insert(&leaf.sha256_fingerprint, leaf);
        }
        if leaves.is_empty() {
            return Ok(HashMap::new());
        }
        let mut leaves = leaves.into_values().cloned().collect::<Vec<_>>();
        // The issuers first: whoever reads the log finds them before what they issued.
        leaves.sort_by(|a, b| {
            let order = |leaf: &Certificate| (!leaf.self_signed, !leaf.is_ca);
            let by_kind = order(a).cmp(&order(b));
            by_kind.then_with(|| a.sha256_fingerprint.cmp(&b.sha256_fingerprint))
        });
        let incoming = self.incoming(leaves).await?;
        // Step 1: names, fingerprints and keys, of all at once.
        let claimed = self.claim_all(&incoming).await?;
        // Step 2: append, each on its own.
        let mut imports = Vec::with_capacity(incoming.len());
        for (incoming, claimed) in incoming.iter().zip(claimed) {
            imports.push(self.import_certificate(origin, incoming, claimed));
        }
        let imported = stream::iter(imports)
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        let imported = imported.into_iter();
        Ok(imported.map(|one| (one.fingerprint.clone(), one)).collect())
    }

    /// All that can be known of certificates before anything is written.
    async fn incoming(&self, leaves: Vec<Certificate>) -> Result<Arc<[Incoming]>, CommandError> {
        let authorities = leaves.iter().filter(|leaf| leaf.is_ca).cloned();
        let authorities = authorities.collect::<Vec<_>>();
        let candidates = linking::candidates(&self.database, &leaves, &authorities).await;
        let candidates = candidates.map_err(CommandError::Database)?;
        let now = self.clock.now();
        let built = spawn_blocking(move || {
            let paths = leaves
                .iter()
                .map(|leaf| chain::build(leaf, &candidates, now));
            let paths = paths.collect::<Vec<_>>();
            leaves.into_iter().zip(paths).collect::<Vec<_>>()
        });
        let built = built.await.map_err(CommandError::Broken)?;
        let mut incoming = Vec::with_capacity(built.len());
        for (leaf, path) in built {
            incoming.push(Incoming {
                id: by_fingerprint(&leaf.sha256_fingerprint),
                name: default_name(&leaf)
                    .ok_or(CommandError::Unreadable(CertificateError::Malformed))?,
                leaf,
                path,
            });
        }
        Ok(incoming.into())
    }

    async fn claim_all(&self, incoming: &Arc<[Incoming]>) -> Result<Vec<Claimed>, CommandError> {
        let waiting = self.waiting(incoming).await?;
        let claimed = self
            .try_claim_all(incoming.clone(), waiting.clone())
            .await?;
        let being_destroyed =
            |claimed: &Claimed| matches!(claimed, Claimed::Refused(Refusal::KeyBeingDestroyed));
        if claimed.iter().any(being_destroyed) {
            // It may be gone by now, and its certificate comes alone.
            self.settled().await?;
            return self.try_claim_all(incoming.clone(), waiting).await;
        }
        Ok(claimed)
    }

    async fn try_claim_all(
        &self,
        incoming: Arc<[Incoming]>,
        waiting: Arc<[Reservation]>,
    ) -> Result<Vec<Claimed>, CommandError> {
        let now = self.clock.now();
        let claimed = self.writer.write(move |tx| {
            Box::pin(async move {
                let mut all = Vec::with_capacity(incoming.len());
                for one in incoming.iter() {
                    all.push(claim(tx, one, &waiting, now).await?);
                }
                Ok(all)
            })
        });
        claimed.await.map_err(CommandError::Database)
    }

    /// The requests that wait for one of these keys, as far as the log has them.
    async fn waiting(&self, incoming: &[Incoming]) -> Result<Arc<[Reservation]>, CommandError> {
        let spkis = incoming.iter().map(|one| one.leaf.spki_sha256.as_str());
        let spkis = spkis.collect::<Vec<_>>();
        let waiting = claims::waiting_for(&self.database, &spkis).await;
        let mut pending = Vec::new();
        for reservation in waiting.map_err(CommandError::Database)? {
            let id = reservation.request_id.to_string();
            let loaded = self.log.load::<request::State>(&id).await;
            let state = loaded.map_err(CommandError::Log)?.state;
            // One that is only about to be appended was not there when the certificate came.
            if matches!(state, request::State::Pending { .. }) {
                pending.push(reservation);
            }
        }
        Ok(pending.into())
    }

    async fn import_certificate(
        &self,
        origin: &Origin,
        incoming: &Incoming,
        claimed: Claimed,
    ) -> Result<Imported, CommandError> {
        let missing = incoming.path.missing_issuer(&incoming.leaf);
        let imported = Imported {
            certificate_id: incoming.id,
            friendly_name: incoming.name.to_string(),
            fingerprint: incoming.leaf.sha256_fingerprint.clone(),
            already_here: true,
            restored: false,
            key_id: None,
            request_id: None,
            missing,
            position: 0,
        };
        let id = imported.certificate_id;
        let (name, request, key_id) = match claimed {
            Claimed::Held { by, key_id } => {
                let held = Imported {
                    certificate_id: by,
                    key_id,
                    ..imported
                };
                return self.again(origin, held).await;
            }
            Claimed::Refused(refusal) => return Err(refusal.into()),
            Claimed::Free {
                name,
                request,
                key_id,
            } => (name, request, key_id),
        };
        let command = Command::Import {
            friendly_name: name.clone(),
            chain: KeyedChain {
                key_id: key_id.map(|id| id.to_string()).unwrap_or_default(),
                leaf: incoming.leaf.clone(),
                issuers: incoming.path.issuers.clone(),
            },
            request_id: request.map(|id| id.to_string()).unwrap_or_default(),
        };
        let decide = |state: &State| certificate::decide(state, &command);
        let now = self.clock.now();
        let (log, certificate) = (&self.log, id.to_string());
        let done = log
            .execute(&certificate, origin, "certificate", now, decide)
            .await;
        match done {
            Ok(done) => Ok(Imported {
                friendly_name: name.to_string(),
                already_here: false,
                key_id,
                request_id: request,
                position: done.position,
                ..imported
            }),
            Err(eventlog::CommandError::Refused(Refusal::AlreadyHere { .. })) => {
                self.again(origin, Imported { key_id, ..imported }).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A certificate that is here, or was deleted: then it is restored.
    async fn again(&self, origin: &Origin, imported: Imported) -> Result<Imported, CommandError> {
        let id = imported.certificate_id;
        let state = self.certificate(id).await?;
        // Claimed as a version that has not been appended yet.
        if state.version_of(&imported.fingerprint).is_none() {
            return Err(Refusal::BeingAdded.into());
        }
        match state {
            State::Kept(kept) => Ok(Imported {
                friendly_name: kept.friendly_name,
                ..imported
            }),
            State::Deleted(_) => {
                let (name, position) = self.restore(origin, id, &imported.fingerprint).await?;
                Ok(Imported {
                    friendly_name: name.to_string(),
                    already_here: false,
                    restored: true,
                    position,
                    ..imported
                })
            }
            State::Absent => Err(Refusal::BeingAdded.into()),
        }
    }
}

/// Claims what one certificate needs. One that is here has it already.
async fn claim(
    tx: &DatabaseTransaction,
    incoming: &Incoming,
    waiting: &[Reservation],
    now: OffsetDateTime,
) -> Result<Claimed, DbErr> {
    let (id, leaf) = (incoming.id, &incoming.leaf);
    let fingerprint = leaf.sha256_fingerprint.as_str();
    let seen = claims::find(tx, Kind::Fingerprint, fingerprint).await?;
    match &seen {
        Some(seen) if seen.holder != id || seen.recorded => {
            let key_id = vault::with_spki(tx, &leaf.spki_sha256).await?;
            let by = seen.holder;
            return Ok(Claimed::Held { by, key_id });
        }
        _ => {}
    }
    let user = User::Certificate;
    if claims::use_key(tx, &leaf.spki_sha256, id, user, now).await? != KeyClaim::Made {
        return Ok(Claimed::Refused(Refusal::KeyBeingDestroyed));
    }
    claims::claim(tx, Kind::Fingerprint, fingerprint, id, now).await?;
    // Only now is it sure to stay, where it is here.
    let key_id = vault::with_spki(tx, &leaf.spki_sha256).await?;
    let free = |name, request| Claimed::Free {
        name,
        request,
        key_id,
    };
    // A repeat, after a crash.
    if let Some((name, request)) = claims::name_and_origin(tx, id).await? {
        claims::claim(tx, Kind::Name, &name, id, now).await?;
        return Ok(free(name, request));
    }
    if seen.is_none() {
        for answered in claims::answered(waiting, leaf) {
            let request = answered.request_id;
            // One that has been answered already has no name any more.
            if let Some(name) = claims::hand_over_name(tx, request, id, now).await? {
                return Ok(free(name, Some(request)));
            }
        }
    }
    let name = claims::claim_free_name(tx, &incoming.name, id, now).await?;
    Ok(free(name, None))
}

/// What a certificate from outside is called: its CN, else its first name, else the start of its fingerprint.
fn default_name(leaf: &Certificate) -> Option<FriendlyName> {
    let address = leaf.ip_addresses.first().map(ToString::to_string);
    let names = [
        Some(leaf.common_name.as_str()),
        leaf.dns_names.first().map(String::as_str),
        address.as_deref(),
        Some(leaf.subject.as_str()),
        leaf.sha256_fingerprint.get(..16),
    ];
    let mut names = names.into_iter().flatten().map(|name| {
        let short = name.chars().take(FriendlyName::MAX).collect::<String>();
        FriendlyName::try_from(short.as_str())
    });
    // A fingerprint is hex, and so a name.
    names.find_map(Result::ok)
}
