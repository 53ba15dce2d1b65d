//! Stream and buckets, made or checked by the provisioner's identity.

use api::challenge;
use eventlog::{Bucket, Provision, ProvisionError};
use runtime::StartError;

/// Why they are not there.
#[derive(Debug, thiserror::Error)]
pub enum ProvisioningError {
    /// The provisioner's identity cannot be used.
    #[error("cannot use the provisioner's identity: `chancery init` makes it")]
    Identity(#[source] StartError),
    /// The server does not answer, or does not take the provisioner.
    #[error("cannot sign in to the event log's server")]
    Connect(#[source] runtime::NatsError),
    /// The server refused, or what is there is unsafe.
    #[error("cannot set up the event log")]
    Provision(#[from] ProvisionError),
}

/// Makes or checks them; each event is kept so many times.
pub async fn provision(
    client: &async_nats::Client,
    replicas: usize,
) -> Result<(), ProvisioningError> {
    let wanted = Provision {
        replicas,
        max_bytes: None,
        buckets: vec![Bucket {
            name: challenge::BUCKET.to_owned(),
            max_age: challenge::LIFE,
        }],
    };
    Ok(eventlog::provision(client, &wanted).await?)
}
