//! What was [`counted`] last: of few certificates it is counted anew with each change, of many now and then, and nobody
//! but the first waits for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::projection::v1::Overview;
use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::Mutex as Turn;

use super::counted;

/// Remembers the last one. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Glance {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last: Mutex<Option<Arc<Made>>>,
    /// The whole of it that was answered last.
    answered: Mutex<Option<Made>>,
    /// One at a time makes it.
    turn: Turn<()>,
}

#[derive(Debug)]
struct Made {
    overview: Overview,
    /// Up to which event all is in it.
    position: u64,
    /// Microseconds since 1970.
    at: i64,
}

impl Made {
    fn is_of_few(&self) -> bool {
        let shown = self.overview.days.iter().map(|day| day.count);
        shown.sum::<u32>() + self.overview.later <= FEW
    }

    /// Whether nothing newer is to be said now.
    fn stands(&self, position: u64, now: i64) -> bool {
        let age = now.saturating_sub(self.at);
        match self.is_of_few() {
            true => self.is_as_of(position, now),
            false => (0..AGE_OF_MANY).contains(&age),
        }
    }

    /// Whether nothing has happened since, and hardly any time has passed.
    fn is_as_of(&self, position: u64, now: i64) -> bool {
        self.position == position && (0..AGE).contains(&now.saturating_sub(self.at))
    }
}

impl Glance {
    /// What is counted in tables that are at `position`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of(
        &self,
        database: &DatabaseConnection,
        position: u64,
        now: i64,
    ) -> Result<Overview, DbErr> {
        if let Some(made) = self.last() {
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
        match self.last().filter(|made| made.stands(position, now)) {
            Some(made) => Ok(made.overview.clone()),
            None => self.make(database, position, now).await,
        }
    }

    /// What was answered, where nothing else is to be said now.
    pub fn answered(&self, position: u64, now: i64) -> Option<Overview> {
        let answered = self.inner.answered.lock();
        let answered = answered.unwrap_or_else(PoisonError::into_inner);
        let answered = answered
            .as_ref()
            .filter(|made| made.is_as_of(position, now));
        answered.map(|made| made.overview.clone())
    }

    /// This is answered.
    pub fn answers(&self, overview: Overview, position: u64, now: i64) {
        let answered = self.inner.answered.lock();
        *answered.unwrap_or_else(PoisonError::into_inner) = Some(Made {
            overview,
            position,
            at: now,
        });
    }

    async fn make(
        &self,
        database: &DatabaseConnection,
        position: u64,
        now: i64,
    ) -> Result<Overview, DbErr> {
        let overview = counted(database, now).await?;
        let made = Made {
            overview: overview.clone(),
            // Taken before the rows were read: all up to it are in them.
            position,
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
        self.inner
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many certificates are counted in a moment.
const FEW: u32 = 2_000;

/// For how long one stands while nothing happens, in microseconds: statuses change with the time.
const AGE: i64 = 20 * 1_000_000;

/// The same of many certificates, whatever happens.
const AGE_OF_MANY: i64 = 30 * 1_000_000;
