//! The best chains of certificates that are kept, many at one go.

use std::sync::Arc;

use bytes::Bytes;
use pki::{Certificate, CertificateError, chain, fingerprint::sha256_hex};
use time::OffsetDateTime;
use tokio::task::spawn_blocking;

use super::{above::Above, keep_what_fits};
use crate::{
    certificate::Kept,
    commands::{CommandError, Commands},
};

/// The best chain of a certificate, and what it was built from.
pub(super) struct Built {
    pub better: Better,
    pub ground: Ground,
}

/// A chain that may be better than the one that is kept.
pub(super) struct Better {
    /// The certificate's.
    pub fingerprint: String,
    pub issuers: Vec<Certificate>,
}

/// What a chain was built from.
#[derive(Default)]
pub(super) struct Ground {
    /// The names (SHA-256 of their DER, hex) whose bearers were looked for.
    pub looked_for: Vec<String>,
    /// Who was found; nobody where nothing was built.
    pub above: Arc<Above>,
}

/// A certificate whose chain is to be built.
struct Wanting {
    leaf: Certificate,
    /// What came with it is known for it, even where it is no CA's own import.
    given: Vec<Certificate>,
}

impl Wanting {
    fn read(leaf: &[u8], given: &[Bytes]) -> Result<Self, CertificateError> {
        let given = given.iter().flat_map(|der| Certificate::parse(der));
        Ok(Self {
            leaf: Certificate::parse(leaf)?,
            given: given.collect(),
        })
    }

    fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&self.leaf).chain(&self.given)
    }

    fn build(
        &self,
        above: &Arc<Above>,
        candidates: &chain::Candidates<'_>,
        now: OffsetDateTime,
    ) -> Built {
        let is_found = |one: &Certificate| above.seen.contains(&one.sha256_fingerprint);
        let mut path = match self.given.iter().all(is_found) {
            true => candidates.path(&self.leaf, now),
            false => {
                let with_given = [&self.given[..], &above.certificates].concat();
                chain::build(&self.leaf, &with_given, now)
            }
        };
        keep_what_fits(&self.leaf, &mut path.issuers);
        Built {
            better: Better {
                fingerprint: self.leaf.sha256_fingerprint.clone(),
                issuers: path.issuers,
            },
            ground: Ground {
                looked_for: path
                    .looked_for
                    .iter()
                    .map(|name| sha256_hex(name))
                    .collect(),
                above: above.clone(),
            },
        }
    }
}

impl Commands {
    /// Builds the chains of these, in their order. What is wrong with one keeps no other back.
    ///
    /// # Errors
    /// [`CommandError::Database`], [`CommandError::Broken`].
    pub(super) async fn build(
        &self,
        kept: impl Iterator<Item = &Kept>,
    ) -> Result<Vec<Result<Built, CommandError>>, CommandError> {
        let ders = kept.map(|kept| {
            let issuers = kept.issuers.iter().map(|issuer| issuer.der.clone());
            (kept.leaf.der.clone(), issuers.collect::<Vec<_>>())
        });
        let ders = ders.collect::<Vec<_>>();
        let read = move || {
            let wanting = ders.iter().map(|(leaf, given)| Wanting::read(leaf, given));
            wanting.map(|one| one.map(Arc::new)).collect::<Vec<_>>()
        };
        let wanting = spawn_blocking(read).await.map_err(CommandError::Broken)?;
        let readable = wanting.iter().flatten();
        let above = self.above(readable.clone().flat_map(|one| one.certificates()));
        let above = Arc::new(above.await?);
        let mut together = match above.cut {
            true => Vec::new(),
            false => {
                let all = readable.cloned().collect::<Vec<_>>();
                self.build_all(above, all).await.unwrap_or_default()
            }
        }
        .into_iter();
        let mut built = Vec::with_capacity(wanting.len());
        for one in wanting {
            built.push(match one {
                Err(error) => Err(CommandError::Unreadable(error)),
                Ok(one) => match together.next() {
                    Some(built) => Ok(built),
                    // What is too much for all of them together is not so for each.
                    None => self.build_one(one).await,
                },
            });
        }
        Ok(built)
    }

    /// The best chain of this certificate, from these candidates and the public roots.
    ///
    /// # Errors
    /// [`CommandError::Broken`].
    pub async fn path(
        &self,
        leaf: &Certificate,
        candidates: Vec<Certificate>,
    ) -> Result<chain::Path, CommandError> {
        let (leaf, now) = (leaf.clone(), self.clock.now());
        let built = spawn_blocking(move || chain::build(&leaf, &candidates, now)).await;
        built.map_err(CommandError::Broken)
    }

    async fn build_all(
        &self,
        above: Arc<Above>,
        wanting: Vec<Arc<Wanting>>,
    ) -> Result<Vec<Built>, CommandError> {
        let now = self.clock.now();
        let build = move || {
            let candidates = chain::Candidates::among(&above.certificates);
            let built = wanting
                .iter()
                .map(|one| one.build(&above, &candidates, now));
            built.collect()
        };
        spawn_blocking(build).await.map_err(CommandError::Broken)
    }

    async fn build_one(&self, wanting: Arc<Wanting>) -> Result<Built, CommandError> {
        let above = Arc::new(self.above(wanting.certificates()).await?);
        let now = self.clock.now();
        let build = move || {
            let candidates = chain::Candidates::among(&above.certificates);
            wanting.build(&above, &candidates, now)
        };
        spawn_blocking(build).await.map_err(CommandError::Broken)
    }
}
