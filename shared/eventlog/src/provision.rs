//! Making the stream and the buckets: the provisioner's work, at `init` and upgrades.

use std::time::Duration;

use async_nats::{
    Client,
    jetstream::{
        self, kv,
        stream::{Compression, Config, DiscardPolicy, RetentionPolicy, StorageType},
    },
};

use crate::{
    safety::{self, OpenError},
    subject,
};

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
    Unsafe(#[from] OpenError),
}

/// Makes the stream and the buckets, or checks those that are there. Of a stream that is there, only
/// the number of replicas and the limit change; the limit only upwards, so that no event is in its way.
///
/// # Errors
/// See [`ProvisionError`].
pub async fn provision(client: &Client, wanted: &Provision) -> Result<(), ProvisionError> {
    let context = jetstream::new(client.clone());
    match safety::info(&context).await {
        Ok(info) => adjust(&context, info.config, wanted).await?,
        Err(OpenError::Missing) => {
            let config = stream(wanted.replicas, wanted.max_bytes);
            context
                .create_stream(config)
                .await
                .map_err(|e| failed(subject::STREAM, e))?;
        }
        Err(e) => return Err(e.into()),
    }
    for bucket in &wanted.buckets {
        let config = kv::Config {
            bucket: bucket.name.clone(),
            max_age: bucket.max_age,
            history: 1,
            storage: StorageType::File,
            num_replicas: wanted.replicas,
            ..Default::default()
        };
        context
            .create_or_update_key_value(config)
            .await
            .map_err(|e| failed(&bucket.name, e))?;
    }
    Ok(())
}

/// The log's stream as it must be.
pub(crate) fn stream(replicas: usize, max_bytes: Option<u64>) -> Config {
    Config {
        name: subject::STREAM.to_owned(),
        description: Some("Every event of Chancery".to_owned()),
        subjects: vec![subject::everything()],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_bytes: limit(max_bytes),
        max_messages: -1,
        max_messages_per_subject: -1,
        num_replicas: replicas,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        compression: Some(Compression::S2),
        duplicate_window: DUPLICATE_WINDOW,
        ..Default::default()
    }
}

async fn adjust(
    context: &jetstream::Context,
    config: Config,
    wanted: &Provision,
) -> Result<(), ProvisionError> {
    let reasons = safety::stream_reasons(&config);
    if !reasons.is_empty() {
        return Err(OpenError::Unsafe(reasons).into());
    }
    let raised = match (config.max_bytes, limit(wanted.max_bytes)) {
        (now, _) if now <= 0 => now,
        (_, wanted) if wanted <= 0 => wanted,
        (now, wanted) => now.max(wanted),
    };
    if raised == config.max_bytes && wanted.replicas == config.num_replicas {
        return Ok(());
    }
    let config = Config {
        max_bytes: raised,
        num_replicas: wanted.replicas,
        ..config
    };
    context
        .update_stream(config)
        .await
        .map_err(|e| failed(subject::STREAM, e))?;
    Ok(())
}

fn limit(max_bytes: Option<u64>) -> i64 {
    max_bytes.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
}

fn failed(
    what: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> ProvisionError {
    ProvisionError::Failed {
        what: what.to_owned(),
        source: source.into(),
    }
}

/// How long a cluster remembers message ids; what comes later is found in the log itself.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);
