//! What may stand above certificates: the CAs' certificates that bear the names of their issuers, and so on up.

use std::collections::{HashMap, HashSet};

use pki::{Certificate, chain, fingerprint::sha256_hex};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use tokio::task::spawn_blocking;

use super::authorities::is_known;
use crate::{
    commands::{CommandError, Commands},
    tables::{
        ROWS_AT_ONCE,
        authority::{Column, Entity, Model},
    },
};

/// What may stand above some certificates, as far as it is known here.
#[derive(Default)]
pub struct Above {
    /// In no order.
    pub certificates: Vec<Certificate>,
    /// The fingerprints of all that was looked at, also of what could not be read.
    pub seen: HashSet<String>,
    /// Of some name there are more bearers than were looked at.
    pub crowded: bool,
    /// The way up was not gone to its end.
    pub cut: bool,
}

impl Commands {
    /// The certificates of CAs from which the chains of these can be built.
    ///
    /// # Errors
    /// [`CommandError::Database`], [`CommandError::Broken`].
    pub async fn above<'a>(
        &self,
        certificates: impl IntoIterator<Item = &'a Certificate>,
    ) -> Result<Above, CommandError> {
        let mut above = Above::default();
        let mut asked = HashSet::new();
        let mut wanted = issuers(certificates);
        for _ in 0..chain::LONGEST {
            wanted.retain(|issuer| asked.insert(issuer.clone()));
            if wanted.is_empty() {
                break;
            }
            if above.certificates.len() > MOST_IN_ALL {
                above.cut = true;
                break;
            }
            let bearers = bearers(&self.database, &wanted).await;
            let (mut rows, crowded) = bearers.map_err(CommandError::Database)?;
            above.crowded |= crowded;
            rows.retain(|row| above.seen.insert(row.sha256_fingerprint.clone()));
            let parse = move || {
                // Each was read when it came.
                let read = rows.iter().flat_map(|row| Certificate::parse(&row.der));
                read.collect::<Vec<_>>()
            };
            let found = spawn_blocking(parse).await.map_err(CommandError::Broken)?;
            wanted = issuers(&found);
            above.certificates.extend(found);
        }
        Ok(above)
    }
}

/// The name of an issuer, and which key it is said to have; both SHA-256, hex.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Issuer {
    subject: String,
    key_id: Option<String>,
}

fn issuers<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> HashSet<Issuer> {
    let certificates = certificates.into_iter();
    // Above a root nobody stands.
    let certificates = certificates.filter(|certificate| !certificate.self_signed);
    let issuers = certificates.map(|certificate| Issuer {
        subject: sha256_hex(certificate.issuer_der()),
        key_id: certificate.authority_key_id().map(sha256_hex),
    });
    issuers.collect()
}

/// The bearers of these names; of a name that very many have, those with the right key first, and some of the others.
/// Says whether there is such a name.
async fn bearers(
    db: &impl ConnectionTrait,
    wanted: &HashSet<Issuer>,
) -> Result<(Vec<Model>, bool), DbErr> {
    let mut keys = HashMap::<&str, Vec<&str>>::new();
    for issuer in wanted {
        let keys = keys.entry(&issuer.subject).or_default();
        keys.extend(issuer.key_id.as_deref());
    }
    let subjects = keys.keys().copied().collect::<Vec<_>>();
    let mut asking = subjects.chunks(ROWS_AT_ONCE).collect::<Vec<_>>();
    let (mut found, mut crowded) = (Vec::new(), false);
    while let Some(subjects) = asking.pop() {
        let named = Entity::find()
            .filter(Column::SubjectSha256.is_in(subjects.iter().copied()))
            .filter(is_known())
            .order_by_asc(Column::Sha256Fingerprint)
            .limit(MOST_BEARERS);
        let rows = named.clone().all(db).await?;
        match subjects {
            _ if (rows.len() as u64) < MOST_BEARERS => {}
            [subject] => {
                crowded = true;
                for keys in keys[subject].chunks(ROWS_AT_ONCE) {
                    let right = named.clone();
                    let right = right.filter(Column::KeyIdSha256.is_in(keys.iter().copied()));
                    found.extend(right.all(db).await?);
                }
            }
            // None is to be crowded out by the bearers of another name.
            several => {
                let (one, other) = several.split_at(several.len() / 2);
                asking.extend([one, other]);
                continue;
            }
        }
        found.extend(rows);
    }
    Ok((found, crowded))
}

/// Bearers of one name that are looked at, besides those with the right key. A search checks some hundred signatures.
const MOST_BEARERS: u64 = 1_000;

/// More CAs than that do not stand above certificates that are looked at together.
const MOST_IN_ALL: usize = 5_000;
