//! Why a follower stops.

use sea_orm::DbErr;

use crate::{envelope::Recorded, error::LogError};

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
