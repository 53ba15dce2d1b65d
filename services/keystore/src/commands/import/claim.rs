//! What an import needs before its first event: keys in the vault, and claims.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use pki::{Certificate, FriendlyName, chain};
use sea_orm::{DatabaseTransaction, DbErr};
use time::OffsetDateTime;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{ImportedKey, batch::Batch};
use crate::{
    claims::{self, Kind, Names, Reservation},
    commands::{CommandError, Commands, add_certificate::by_fingerprint},
    linking,
    refusal::Refusal,
    request,
    vault::{self, SealedKey},
};

/// An import before its first event.
pub(crate) struct Prepared {
    pub(super) batch: Batch,
    pub(super) incoming: Arc<Incoming>,
    pub(super) claimed: Claimed,
}

/// All that can be known of what comes before anything is written.
pub(super) struct Incoming {
    /// The issuers first: whoever reads the log finds them before what they issued.
    pub certificates: Vec<Leaf>,
    /// The keys that are new here.
    pub keys: Vec<SealedKey>,
    /// The others.
    pub keys_here: Vec<ImportedKey>,
    /// The requests that wait for one of these certificates, the oldest first.
    waiting: Vec<Reservation>,
}

/// A certificate on its way in.
pub(super) struct Leaf {
    pub id: Uuid,
    pub leaf: Certificate,
    pub path: chain::Path,
    /// What it would be called by itself.
    pub name: FriendlyName,
}

/// What was claimed.
pub(super) struct Claimed {
    /// In the order of the certificates.
    pub certificates: Vec<Claim>,
    /// The new keys that are being destroyed at this moment, by the hash of the public half.
    pub keys_refused: HashSet<String>,
}

/// What a certificate got before its event.
pub(super) enum Claim {
    Free {
        name: FriendlyName,
        request: Option<Uuid>,
        key_id: Option<Uuid>,
    },
    /// Nothing: it is, or was, a version of this one.
    Held { by: Uuid, key_id: Option<Uuid> },
    /// Its key is being destroyed.
    Refused,
}

impl Claimed {
    fn is_held_up(&self) -> bool {
        let refused = |claim: &Claim| matches!(claim, Claim::Refused);
        !self.keys_refused.is_empty() || self.certificates.iter().any(refused)
    }
}

impl Commands {
    /// Looks at all that comes; the keys go from the batch.
    pub(super) async fn incoming(&self, batch: &mut Batch) -> Result<Arc<Incoming>, CommandError> {
        let (keys, keys_here) = self.seal(std::mem::take(&mut batch.keys)).await?;
        let leaves = std::mem::take(&mut batch.certificates).into_values();
        let mut leaves = leaves.collect::<Vec<_>>();
        // By fingerprint they are sorted already.
        leaves.sort_by_key(|leaf| (!leaf.self_signed, !leaf.is_ca));
        let waiting = self.waiting(&leaves).await?;
        let above = self.above(&leaves).await?;
        let now = self.clock.now();
        let build = move || {
            let authorities = leaves.iter().filter(|leaf| leaf.is_ca).cloned();
            let candidates = authorities.chain(above.certificates).collect::<Vec<_>>();
            let candidates = chain::Candidates::among(&candidates);
            let paths = leaves.iter().map(|leaf| {
                let mut path = candidates.path(leaf, now);
                linking::keep_what_fits(leaf, &mut path.issuers);
                path
            });
            let paths = paths.collect::<Vec<_>>();
            let certificates = leaves.into_iter().zip(paths).map(|(leaf, path)| Leaf {
                id: by_fingerprint(&leaf.sha256_fingerprint),
                name: leaf.own_name(),
                leaf,
                path,
            });
            certificates.collect()
        };
        Ok(Arc::new(Incoming {
            certificates: spawn_blocking(build).await.map_err(CommandError::Broken)?,
            keys,
            keys_here,
            waiting,
        }))
    }

    /// The requests that wait for one of these, as far as the log has them.
    async fn waiting(&self, leaves: &[Certificate]) -> Result<Vec<Reservation>, CommandError> {
        let spkis = leaves.iter().map(|leaf| leaf.spki_sha256.as_str());
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
        Ok(pending)
    }

    pub(super) async fn claim_all(
        &self,
        incoming: &Arc<Incoming>,
    ) -> Result<Claimed, CommandError> {
        let claimed = self.try_claim_all(incoming.clone()).await?;
        if !claimed.is_held_up() {
            return Ok(claimed);
        }
        // A key may be gone by now: its certificate comes alone, and the key anew.
        self.settled().await?;
        self.try_claim_all(incoming.clone()).await
    }

    async fn try_claim_all(&self, incoming: Arc<Incoming>) -> Result<Claimed, CommandError> {
        let now = self.clock.now();
        let claimed = self
            .writer
            .write(move |tx| Box::pin(async move { claim(tx, &incoming, now).await }));
        claimed.await.map_err(CommandError::Database)
    }
}

/// Puts the new keys into the vault, and claims what the certificates need. One that is here has it already.
async fn claim(
    tx: &DatabaseTransaction,
    incoming: &Incoming,
    now: OffsetDateTime,
) -> Result<Claimed, DbErr> {
    let Incoming {
        certificates, keys, ..
    } = incoming;
    let of_certificates = certificates.iter().map(|one| one.leaf.spki_sha256.as_str());
    let spkis = of_certificates.chain(keys.iter().map(SealedKey::spki_sha256));
    let spkis = spkis.collect::<HashSet<_>>();
    let spkis = spkis.into_iter().collect::<Vec<_>>();
    let destroyed = claims::being_destroyed(tx, &spkis, now).await?;
    let (refused, stay) = keys
        .iter()
        .partition::<Vec<_>, _>(|key| destroyed.contains(key.spki_sha256()));
    vault::put_all(tx, &stay).await?;
    // Only now are they sure to stay, where they are here.
    let here = vault::with_spkis(tx, &spkis).await?;
    let fingerprints = certificates.iter().map(Leaf::fingerprint);
    let fingerprints = fingerprints.collect::<Vec<_>>();
    let seen = claims::find_all(tx, Kind::Fingerprint, &fingerprints).await?;

    let (mut all, mut free) = (Vec::with_capacity(certificates.len()), Vec::new());
    for one in certificates {
        let spki = one.leaf.spki_sha256.as_str();
        let key_id = here.get(spki).copied();
        all.push(match seen.get(one.fingerprint()) {
            Some(seen) if seen.holder != one.id || seen.recorded => Claim::Held {
                by: seen.holder,
                key_id,
            },
            _ if destroyed.contains(spki) => Claim::Refused,
            _ => {
                free.push(one);
                Claim::Free {
                    name: one.name.clone(),
                    request: None,
                    key_id,
                }
            }
        });
    }
    let uses = free
        .iter()
        .map(|one| (one.leaf.spki_sha256.as_str(), one.id));
    claims::use_keys(tx, &uses.collect::<Vec<_>>(), now).await?;
    let values = free.iter().map(|one| (one.fingerprint(), one.id));
    claims::claim_all(tx, Kind::Fingerprint, &values.collect::<Vec<_>>(), now).await?;
    let mut named = name(tx, &free, &incoming.waiting, now, |one| {
        !seen.contains_key(one.fingerprint())
    })
    .await?
    .into_iter();
    for claim in &mut all {
        if let Claim::Free { name, request, .. } = claim
            && let Some(named) = named.next()
        {
            (*name, *request) = named;
        }
    }
    Ok(Claimed {
        certificates: all,
        keys_refused: refused
            .into_iter()
            .map(|key| key.spki_sha256().to_owned())
            .collect(),
    })
}

impl Leaf {
    fn fingerprint(&self) -> &str {
        &self.leaf.sha256_fingerprint
    }
}

/// Claims a name for each of these, in their order; with the request that it has the name from. One that was never seen
/// answers requests.
async fn name(
    tx: &DatabaseTransaction,
    certificates: &[&Leaf],
    waiting: &[Reservation],
    now: OffsetDateTime,
    never_seen: impl Fn(&Leaf) -> bool,
) -> Result<Vec<(FriendlyName, Option<Uuid>)>, DbErr> {
    let holders = certificates.iter().map(|one| one.id);
    let holders = holders.chain(waiting.iter().map(|reservation| reservation.request_id));
    let mut held = claims::names_of(tx, &holders.collect::<Vec<_>>()).await?;
    let unnamed = certificates
        .iter()
        .filter(|one| !held.contains_key(&one.id));
    let mut names = Names::for_all(tx, unnamed.map(|one| &one.name)).await?;
    let (mut all, mut claims) = (Vec::with_capacity(certificates.len()), Vec::new());
    for one in certificates {
        // A repeat, after a crash.
        if let Some(earlier) = held.get(&one.id)
            && let Ok(name) = FriendlyName::try_from(earlier.value.as_str())
        {
            claims.push((name.clone(), one.id));
            all.push((name, earlier.previous_holder));
            continue;
        }
        let mut answers = claims::answered(waiting, &one.leaf).filter(|_| never_seen(one));
        // One that has been answered already has no name any more.
        let request = answers.find_map(|reservation| held.remove(&reservation.request_id));
        if let Some(request) = request.map(|name| name.holder)
            && let Some(name) = claims::hand_over_name(tx, request, one.id, now).await?
        {
            all.push((name, Some(request)));
            continue;
        }
        let name = names.free(tx, &one.name, one.id).await?;
        claims.push((name.clone(), one.id));
        all.push((name, None));
    }
    let claims = claims.iter().map(|(name, holder)| (name.as_str(), *holder));
    claims::claim_all(tx, Kind::Name, &claims.collect::<Vec<_>>(), now).await?;
    Ok(all)
}

/// The refusals that claims bring, by fingerprint and hash of the public half.
pub(super) fn refusals(incoming: &Incoming, claimed: &Claimed) -> HashMap<String, Refusal> {
    let certificates = incoming.certificates.iter().zip(&claimed.certificates);
    let certificates = certificates.filter(|(_, claim)| matches!(claim, Claim::Refused));
    let certificates = certificates.map(|(one, _)| one.leaf.sha256_fingerprint.clone());
    let refused = certificates.chain(claimed.keys_refused.iter().cloned());
    refused
        .map(|item| (item, Refusal::KeyBeingDestroyed))
        .collect()
}
