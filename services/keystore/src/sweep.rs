//! Orphans: what a crash left between a write to the database and the event that it was for.
//!
//! None is removed for its age alone: the log is asked first. The age only keeps away from commands
//! that are about to append; each of them touches its rows before it does.

use time::Duration;

use crate::{
    certificate,
    claims::Kind,
    commands::{CommandError, Commands},
    key,
};

/// Longer than any command takes.
pub const UNTOUCHED: Duration = Duration::hours(1);

/// What a sweep found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Keys that were shredded, for the log has no event of them.
    pub keys: usize,
    /// Names and fingerprints that were given up likewise.
    pub claims: usize,
}

impl Commands {
    /// Removes what has no event; notes what has one, so that it is not looked at again.
    ///
    /// # Errors
    /// [`CommandError`]; nothing is removed where the log does not answer.
    pub async fn sweep(&self) -> Result<Swept, CommandError> {
        let mut swept = Swept::default();
        let before = self.clock.now() - UNTOUCHED;
        for id in self.vault.unrecorded(before).await? {
            let loaded = self.log.load::<key::State>(&id.to_string()).await;
            match loaded.map_err(CommandError::Log)?.state {
                key::State::Here { .. } => self.vault.mark_recorded(id).await?,
                key::State::Absent => {
                    self.vault.shred_orphan(id, before).await?;
                    swept.keys += 1;
                }
            }
        }
        let claims = self.claims.unrecorded(before).await;
        for claim in claims.map_err(CommandError::Database)? {
            let loaded = self
                .log
                .load::<certificate::State>(&claim.holder.to_string())
                .await;
            let state = loaded.map_err(CommandError::Log)?.state;
            let held = match claim.kind {
                Kind::Name => state
                    .kept()
                    .is_some_and(|kept| kept.friendly_name == claim.value),
                Kind::Fingerprint => state.version_of(&claim.value).is_some(),
            };
            let settled = if held {
                self.claims
                    .mark_recorded(claim.holder, &[&claim.value])
                    .await
            } else {
                swept.claims += 1;
                self.claims.release_orphan(&claim, before).await
            };
            settled.map_err(CommandError::Database)?;
        }
        if swept != Swept::default() {
            tracing::info!(
                keys = swept.keys,
                claims = swept.claims,
                "orphans of an earlier crash were removed"
            );
        }
        Ok(swept)
    }
}
