//! Rows kept from events: each event takes effect on them once.

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use tokio_util::sync::CancellationToken;

use crate::{envelope::Recorded, error::LogError, log::EventLog};

/// What a follower does with events.
#[async_trait::async_trait]
pub trait Apply: Send {
    /// Writes the rows of these events, oldest first, in the transaction that also moves the checkpoint.
    ///
    /// # Errors
    /// [`ApplyError::Event`] for an event that cannot be applied: the follower stops before it.
    async fn apply(
        &mut self,
        tx: &DatabaseTransaction,
        events: &[Recorded],
    ) -> Result<(), ApplyError>;

    /// Called after the commit: rows are as of `position`. `events` are those that were applied;
    /// there may be none, where others' events were passed over.
    async fn committed(&mut self, position: u64, events: &[Recorded]) {
        let _ = (position, events);
    }
}

/// Why a batch was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// This event cannot be applied, however often it is tried.
    #[error("cannot apply event {sequence} ({event})")]
    Event {
        /// Its sequence in the stream.
        sequence: u64,
        /// Its kind, for example `certificate.issued`.
        event: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database did not take the rows; it is tried again a few times.
    #[error("the database did not take the rows")]
    Database(#[from] DbErr),
}

impl ApplyError {
    /// For an event that cannot be applied.
    pub fn event(
        recorded: &Recorded,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Event {
            sequence: recorded.sequence,
            event: format!("{}.{}", recorded.aggregate, recorded.event),
            source: source.into(),
        }
    }
}

/// Why a follower stopped, other than because it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// An event that it could not apply, or a database that kept refusing.
    #[error("follower {follower} stopped")]
    Apply {
        /// Its name.
        follower: String,
        /// At what.
        #[source]
        source: ApplyError,
    },
    /// The log is not the one that the rows were made from: it went backwards, or its past has changed.
    #[error(
        "follower {follower} stopped at {sequence}: {reason}; restore the log, or rebuild the tables from it"
    )]
    LogChanged {
        /// Its name.
        follower: String,
        /// Its checkpoint.
        sequence: u64,
        /// What does not fit.
        reason: String,
    },
    /// The log could not be read.
    #[error("follower {follower} cannot read the log")]
    Log {
        /// Its name.
        follower: String,
        /// Why not.
        #[source]
        source: LogError,
    },
}

/// Applies events to a database, in order, from its checkpoint on.
pub struct Follower {
    /// The name of its checkpoint.
    pub name: String,
    /// Which events it applies, as subject filters; all, where there are none.
    pub subjects: Vec<String>,
    /// Where from.
    pub log: EventLog,
    /// Where to; has the table of [`checkpoint::migration`](crate::checkpoint::migration).
    pub database: DatabaseConnection,
}

impl Follower {
    /// Follows until `stopping`; a batch that was begun is finished first.
    ///
    /// # Errors
    /// See [`FollowError`]: none of them passes by waiting.
    pub async fn run(
        self,
        apply: impl Apply,
        stopping: CancellationToken,
    ) -> Result<(), FollowError> {
        let _ = (apply, stopping);
        unimplemented!()
    }
}
