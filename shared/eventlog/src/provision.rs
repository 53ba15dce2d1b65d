//! Making the stream and the buckets: the provisioner's work, at `init` and upgrades.

use std::time::Duration;

use async_nats::Client;

/// What there must be.
#[derive(Clone, Debug)]
pub struct Provision {
    /// Copies of every event: 1 on one server, 3 on a cluster.
    pub replicas: usize,
    /// The log's limit in bytes; commands are refused close to it. `None`: as far as the disk goes.
    pub max_bytes: Option<u64>,
    /// Key-value buckets.
    pub buckets: Vec<Bucket>,
}

/// A key-value bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// How long an entry lives.
    pub max_age: Duration,
}

/// Why stream or buckets are not as they must be.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The server refused, or did not answer.
    #[error("cannot make {what}")]
    Failed {
        /// The stream or bucket.
        what: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The stream is there, and unsafe; it is not changed behind its owner's back.
    #[error(transparent)]
    Unsafe(#[from] crate::safety::OpenError),
}

/// Makes the stream and the buckets, or checks those that are there.
///
/// # Errors
/// See [`ProvisionError`].
pub async fn provision(client: &Client, wanted: &Provision) -> Result<(), ProvisionError> {
    let _ = (client, wanted);
    unimplemented!()
}
