//! The overview as it was made last: of few certificates it is made anew with each change, of many now and then, and
//! nobody but the first waits for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::projection::v1::Overview;
use sea_orm::DatabaseConnection;
use tokio::sync::Mutex as Turn;

use super::of;
use crate::refusal::Refusal;

/// Remembers the last one. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Glance {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last: Mutex<Option<Arc<Made>>>,
    /// One at a time makes it.
    turn: Turn<()>,
}

#[derive(Debug)]
struct Made {
    overview: Overview,
    /// Microseconds since 1970.
    at: i64,
}

impl Made {
    fn is_of_few(&self) -> bool {
        let certificates = self.overview.certificates.iter().map(|count| count.count);
        certificates.sum::<u32>() <= FEW
    }

    /// Whether nothing newer is to be said now.
    fn stands(&self, position: u64, now: i64) -> bool {
        let age = now.saturating_sub(self.at);
        let same = self.overview.position == position;
        match (self.is_of_few(), same) {
            (_, true) => (0..AGE).contains(&age),
            (true, false) => false,
            (false, false) => (0..AGE_OF_MANY).contains(&age),
        }
    }
}

impl Glance {
    /// The overview of tables that are at `position`, with no event left out up to `at_least`.
    ///
    /// # Errors
    /// See [`of`].
    pub async fn of(
        &self,
        database: &DatabaseConnection,
        position: u64,
        at_least: u64,
        now: i64,
    ) -> Result<Overview, Refusal> {
        let last = self.last();
        if let Some(made) = last.filter(|made| made.overview.position >= at_least) {
            if made.stands(position, now) {
                return Ok(made.overview.clone());
            }
            if !made.is_of_few() {
                let (glance, database) = (self.clone(), database.clone());
                tokio::spawn(async move {
                    // Whoever makes one already makes it for all.
                    if let Ok(_turn) = glance.inner.turn.try_lock() {
                        // What the database says is said to the next who waits for it.
                        let _ = glance.make(&database, position, now).await;
                    }
                });
                return Ok(made.overview.clone());
            }
        }
        let _turn = self.inner.turn.lock().await;
        let last = self.last().filter(|made| made.overview.position >= at_least);
        match last.filter(|made| made.stands(position, now)) {
            Some(made) => Ok(made.overview.clone()),
            None => self.make(database, position, now).await,
        }
    }

    async fn make(
        &self,
        database: &DatabaseConnection,
        position: u64,
        now: i64,
    ) -> Result<Overview, Refusal> {
        let mut overview = of(database, now).await?;
        // Taken before the rows were read: all up to it are in them.
        overview.position = position;
        let made = Made {
            overview: overview.clone(),
            at: now,
        };
        *self.kept() = Some(Arc::new(made));
        Ok(overview)
    }

    fn last(&self) -> Option<Arc<Made>> {
        self.kept().clone()
    }

    fn kept(&self) -> MutexGuard<'_, Option<Arc<Made>>> {
        // It is whole at any time.
        self.inner.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many certificates are counted in a moment.
const FEW: u32 = 2_000;

/// For how long one stands while nothing happens, in microseconds: statuses change with the time.
const AGE: i64 = 20 * 1_000_000;

/// The same of many certificates, while something does.
const AGE_OF_MANY: i64 = 5 * 1_000_000;
