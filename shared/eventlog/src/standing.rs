//! How the log and its followers stand, for who watches over a service.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use time::OffsetDateTime;

use crate::{error::LogError, log::EventLog, read};

/// The log at a moment, as its leader has it, and the followers that this process runs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The sequence of the last event, 0 for an empty log.
    pub last_sequence: u64,
    /// Bytes that the events take on the server.
    pub bytes: u64,
    /// How many they may take; `None` where only the disk says.
    pub max_bytes: Option<u64>,
    /// One for each follower that was begun, by name.
    pub followers: Vec<Standing>,
}

/// Where a follower stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The name of its checkpoint.
    pub follower: String,
    /// Its rows are as of this event.
    pub position: u64,
    /// It follows. Not, where it met what it cannot apply, or was told to stop.
    pub running: bool,
    /// Events that its rows do not have yet.
    pub behind: u64,
    /// Since when the oldest of those is in the log.
    pub waiting_since: Option<OffsetDateTime>,
}

impl EventLog {
    /// Looks at the log and at the followers on it.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] where nobody answers in time.
    pub async fn look(&self) -> Result<Look, LogError> {
        let info = self.info().await?;
        let last_sequence = info.state.last_sequence;
        let mut followers = Vec::new();
        for (follower, Place { position, running }) in self.standings().all() {
            let behind = last_sequence.saturating_sub(position);
            let waiting = match behind {
                0 => None,
                // Damaged or not, what counts here is how far the rows are.
                _ => read::at(self.context(), position + 1).await.ok().flatten(),
            };
            followers.push(Standing {
                follower,
                position,
                running,
                behind,
                waiting_since: waiting.map(|event| event.stored),
            });
        }
        Ok(Look {
            last_sequence,
            bytes: info.state.bytes,
            max_bytes: u64::try_from(info.config.max_bytes)
                .ok()
                .filter(|limit| *limit > 0),
            followers,
        })
    }

    /// The followers that were begun and do not follow any more, by name. Asks nobody.
    pub fn stopped_followers(&self) -> Vec<String> {
        let all = self.standings().all().into_iter();
        all.filter(|(_, place)| !place.running)
            .map(|(follower, _)| follower)
            .collect()
    }
}

/// The followers of one log in this process.
#[derive(Debug, Default)]
pub(crate) struct Standings(Mutex<BTreeMap<String, Place>>);

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    position: u64,
    running: bool,
}

impl Standings {
    /// A follower follows, until what this returns is dropped.
    pub fn begin(&self, follower: &str) -> Running<'_> {
        self.lock().entry(follower.to_owned()).or_default().running = true;
        Running {
            standings: self,
            follower: follower.to_owned(),
        }
    }

    /// Its rows are as of this event.
    pub fn reach(&self, follower: &str, position: u64) {
        if let Some(place) = self.lock().get_mut(follower) {
            place.position = position;
        }
    }

    fn all(&self) -> BTreeMap<String, Place> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That a follower follows.
pub(crate) struct Running<'a> {
    standings: &'a Standings,
    follower: String,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.standings.lock().get_mut(&self.follower) {
            place.running = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_that_ends_has_stopped_and_keeps_its_place() {
        let standings = Standings::default();
        let running = standings.begin("rows");
        standings.reach("rows", 7);
        standings.reach("unknown", 9);
        let place = |standings: &Standings| {
            let all = standings.all();
            assert_eq!(all.len(), 1);
            (all["rows"].position, all["rows"].running)
        };
        assert_eq!(place(&standings), (7, true));
        drop(running);
        assert_eq!(place(&standings), (7, false));
        drop(standings.begin("rows"));
        assert_eq!(place(&standings), (7, false));
    }
}
