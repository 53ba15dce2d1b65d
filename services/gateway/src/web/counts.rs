//! What stands beside the places in the sidebar: how much there is, and how much of it wants somebody.
//!
//! One answer serves all pages of a gateway: whoever shows a page asks for it anew where the last is a second old,
//! and no page waits long for it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use api::projection::v1::Overview;
use tokio::time::Instant;

use super::{
    desk::Desk,
    overview::{glance, wanting},
    visitor::SignedIn,
};

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Certificates.
    pub certificates: u32,
    /// What wants somebody.
    pub needs: u32,
    /// Automated certificates.
    pub automated: u32,
    /// Requests that wait for their answer.
    pub requests: u32,
    /// Private keys.
    pub keys: u32,
    /// Alerts that are up, and want somebody.
    pub alerts: u32,
}

impl From<&Overview> for Counts {
    fn from(overview: &Overview) -> Counts {
        Counts {
            certificates: overview.certificates.iter().map(|one| one.count).sum(),
            needs: wanting(overview),
            automated: overview.servers.iter().map(|one| one.automations).sum(),
            requests: overview.pending_requests,
            keys: overview.keys,
            alerts: overview.alerts,
        }
    }
}

/// The last that is known. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Mutex<Last>>);

#[derive(Debug, Default)]
struct Last {
    counts: Option<Counts>,
    asked: Option<Instant>,
}

impl Tally {
    /// How much there is, as far as is known in a moment; nothing, while the projection is away.
    pub async fn now(&self, desk: &Desk, person: &SignedIn) -> Option<Counts> {
        if self.is_old() {
            let (tally, desk, person) = (self.clone(), desk.clone(), person.clone());
            let asked = tokio::spawn(async move {
                let overview = glance(&desk, &person, 0).await;
                let counts = overview.ok().as_ref().map(Counts::from);
                tally.last().counts = counts;
            });
            // What comes later is for the next page.
            let _ = tokio::time::timeout(PATIENCE, asked).await;
        }
        self.last().counts
    }

    /// Whether it is to be asked for anew; then by him alone who was told so.
    fn is_old(&self) -> bool {
        let mut last = self.last();
        let old = last.asked.is_none_or(|asked| asked.elapsed() >= AGE);
        if old {
            last.asked = Some(Instant::now());
        }
        old
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        // It is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const AGE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_millis(25);
