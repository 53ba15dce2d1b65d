//! Orphans: what a crash left between a write to the database and the event that it was for.
//!
//! None is removed for its age alone: the log is asked first. The age only keeps away from commands
//! that are about to append; each of them touches its rows before it does.

use eventlog::Aggregate;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    certificate,
    claims::{self, Kind, User},
    commands::{CommandError, Commands},
    key, request,
    tables::{claim, key_use, reservation},
    tls,
};

/// Longer than any command takes.
pub const UNTOUCHED: Duration = Duration::hours(1);

/// Longer than a CA keeps an order that is not finished.
const LONGEST_ORDER: Duration = Duration::days(7);

/// What a sweep found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Keys that were shredded, for the log has no event of them.
    pub keys: usize,
    /// Names, fingerprints and the like that were given up likewise.
    pub claims: usize,
}

impl Commands {
    /// Removes what has no event; notes what has one, so that it is not looked at again.
    ///
    /// # Errors
    /// [`CommandError`]; nothing is removed where the log does not answer.
    pub async fn sweep(&self) -> Result<Swept, CommandError> {
        // What has its event is confirmed by the follower.
        self.settled().await?;
        let before = self.clock.now() - UNTOUCHED;
        let swept = Swept {
            keys: self.sweep_keys(before).await?,
            claims: self.sweep_claims(before).await?
                + self.sweep_uses(before).await?
                + self.sweep_reservations(before).await?,
        };
        if swept != Swept::default() {
            tracing::info!(
                keys = swept.keys,
                claims = swept.claims,
                "orphans of an earlier crash were removed"
            );
        }
        Ok(swept)
    }

    async fn sweep_keys(&self, before: OffsetDateTime) -> Result<usize, CommandError> {
        let mut swept = 0;
        for id in self.vault.unrecorded(before).await? {
            match self.loaded::<key::State>(id).await? {
                key::State::Here => self.vault.mark_recorded(id).await?,
                key::State::Absent | key::State::Destroyed => {
                    self.vault.shred_orphan(id, before).await?;
                    swept += 1;
                }
            }
        }
        Ok(swept)
    }

    async fn sweep_claims(&self, before: OffsetDateTime) -> Result<usize, CommandError> {
        let mut swept = 0;
        let claims = claims::unrecorded(&self.database, before).await;
        for claim in claims.map_err(CommandError::Database)? {
            let settled = if self.holds(&claim).await? {
                claims::record(&self.database, claim.kind, &claim.value, claim.holder).await
            } else {
                swept += 1;
                claims::release_orphan(&self.database, &claim, before).await
            };
            settled.map_err(CommandError::Database)?;
        }
        Ok(swept)
    }

    /// Whether the log has the event that this was claimed for.
    async fn holds(&self, claim: &claim::Model) -> Result<bool, CommandError> {
        let holder = claim.holder;
        Ok(match claim.kind {
            Kind::Name => {
                let state = self.certificate(holder).await?;
                let kept = state
                    .kept()
                    .is_some_and(|kept| kept.friendly_name == claim.value);
                kept || self
                    .loaded::<request::State>(holder)
                    .await?
                    .is_pending_as(&claim.value)
            }
            Kind::Fingerprint => {
                let state = self.certificate(holder).await?;
                state.version_of(&claim.value).is_some()
            }
            Kind::Deletion => {
                let state = self.certificate(holder).await?;
                matches!(state, certificate::State::Deleted(_))
            }
            Kind::Default => {
                let tls = self.log.load::<tls::State>(tls::ID).await;
                let default = tls.map_err(CommandError::Log)?.state.default;
                default.as_deref() == Some(claim.value.as_str())
            }
            // It is taken back by the event itself.
            Kind::Destruction => false,
        })
    }

    async fn sweep_uses(&self, before: OffsetDateTime) -> Result<usize, CommandError> {
        use key_use::{Column, Entity};
        let uses = Entity::find()
            .filter(Column::Recorded.eq(false))
            .filter(Column::TouchedAt.lt(before.unix_timestamp()))
            .all(&self.database)
            .await
            .map_err(CommandError::Database)?;
        let mut swept = 0;
        for used in uses {
            let (holder, spki) = (used.holder, &used.spki_sha256);
            let holds = match used.user {
                User::Certificate => {
                    let state = self.certificate(holder).await?;
                    let kept = state.kept();
                    kept.is_some_and(|kept| kept.leaf.spki_sha256 == *spki)
                }
                User::Request => {
                    let state = self.loaded::<request::State>(holder).await?;
                    matches!(state, request::State::Pending { .. })
                }
                User::Order => {
                    let end = used.touched_at + LONGEST_ORDER.whole_seconds();
                    if end > self.clock.now().unix_timestamp() {
                        continue;
                    }
                    false
                }
            };
            let settled = if holds {
                let now = self.clock.now();
                claims::record_use(&self.database, spki, holder, used.user, now).await
            } else {
                swept += 1;
                let gone = Entity::delete_many()
                    .filter(Column::SpkiSha256.eq(spki))
                    .filter(Column::Holder.eq(holder))
                    .filter(Column::Recorded.eq(false))
                    .filter(Column::TouchedAt.lt(before.unix_timestamp()))
                    .exec(&self.database)
                    .await;
                gone.map(drop)
            };
            settled.map_err(CommandError::Database)?;
        }
        Ok(swept)
    }

    async fn sweep_reservations(&self, before: OffsetDateTime) -> Result<usize, CommandError> {
        use reservation::{Column, Entity};
        let reservations = Entity::find()
            .filter(Column::Recorded.eq(false))
            .filter(Column::TouchedAt.lt(before.unix_timestamp()))
            .all(&self.database)
            .await
            .map_err(CommandError::Database)?;
        let mut swept = 0;
        for reservation in reservations {
            let state = self
                .loaded::<request::State>(reservation.request_id)
                .await?;
            if state == request::State::Absent {
                swept += 1;
                let gone = Entity::delete_many()
                    .filter(Column::RequestId.eq(reservation.request_id))
                    .filter(Column::TouchedAt.lt(before.unix_timestamp()))
                    .exec(&self.database)
                    .await;
                gone.map_err(CommandError::Database)?;
            }
        }
        Ok(swept)
    }

    async fn loaded<A: Aggregate>(&self, id: Uuid) -> Result<A, CommandError> {
        let loaded = self.log.load::<A>(&id.to_string()).await;
        Ok(loaded.map_err(CommandError::Log)?.state)
    }
}
