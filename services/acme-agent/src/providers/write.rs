//! Writing one TXT value through a provider, whatever its kind.

use hickory_proto::rr::Name;
use runtime::EgressError;

use super::{cloud::Cloud, rfc2136::Primary};
use crate::dns::update::{Change, UpdateError};

/// Somebody who writes records for us.
pub enum Writer {
    /// A primary server.
    Primary(Box<Primary>),
    /// A company's API.
    Cloud(Box<Cloud>),
}

/// A record was not written or taken away.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The primary server did not take the change.
    #[error("the record was not changed by DNS update")]
    Update {
        /// Why.
        #[source]
        error: Box<UpdateError>,
        /// The key's name.
        key: String,
    },
    /// Its server has no address.
    #[error("{0} has no address")]
    NoAddress(String),
    /// Its server may not be reached, or does not resolve.
    #[error("the primary server is not to be reached")]
    Egress(#[source] EgressError),
    /// The API takes the credentials for wrong.
    #[error("{provider} does not take the credentials")]
    Unauthorized {
        /// The kind's name.
        provider: String,
    },
    /// The API does not know the zone.
    #[error("{provider} does not have the zone {zone} for these credentials")]
    NoSuchZone {
        /// The kind's name.
        provider: String,
        /// The zone.
        zone: String,
    },
    /// The API did not answer.
    #[error("{provider} cannot be reached")]
    Unreachable {
        /// The kind's name.
        provider: String,
    },
    /// The API said something else.
    #[error("{provider} says: {said}")]
    Other {
        /// The kind's name.
        provider: String,
        /// What it says, without secrets and cut.
        said: String,
    },
}

impl Writer {
    /// Adds a TXT value beside others, or takes it away and leaves the others.
    ///
    /// # Errors
    /// Where that was not done. Doing it twice is no error.
    pub async fn change(
        &self,
        zone: &Name,
        owner: &Name,
        value: &str,
        what: Change,
    ) -> Result<(), WriteError> {
        match self {
            Self::Primary(primary) => primary.change(zone, owner, value, what).await,
            Self::Cloud(cloud) => cloud.change(zone, owner, value, what).await,
        }
    }
}
