//! The handle to the log.

use std::{path::PathBuf, sync::Arc};

use async_nats::{
    Client,
    jetstream::{self, context::ContextBuilder, stream::Info},
};

use crate::{
    cache::Cache,
    envelope::Recorded,
    error::LogError,
    read::{self, ANSWER_WAIT},
    safety::{self, OpenError},
    space::Space,
    standing::Standings,
};

/// The event log, for one service. Cheap to clone; clones share the connection and the cache.
#[derive(Clone)]
pub struct EventLog(Arc<Inner>);

struct Inner {
    client: Client,
    context: jetstream::Context,
    service: String,
    cache: Cache,
    space: Space,
    standings: Standings,
}

impl EventLog {
    /// Opens the log for a service, after checking that stream and server are safe (see [`safety`]).
    /// `service` becomes `ce-source: /chancery/<service>`.
    ///
    /// # Errors
    /// [`OpenError::Unsafe`] names what is unsafe.
    pub async fn open(client: Client, service: &str) -> Result<Self, OpenError> {
        Self::open_beside(client, service, None).await
    }

    /// The same where the server keeps the log in this folder of this machine: commands of people are refused while its
    /// disk is all but full.
    ///
    /// # Errors
    /// As [`EventLog::open`].
    pub async fn open_beside(
        client: Client,
        service: &str,
        store: Option<PathBuf>,
    ) -> Result<Self, OpenError> {
        let context = ContextBuilder::new()
            .timeout(ANSWER_WAIT)
            .build(client.clone());
        let info = safety::check(&context).await?;
        Ok(Self(Arc::new(Inner {
            client,
            context,
            service: service.to_owned(),
            cache: Cache::new(CACHED),
            space: Space::new(&info, store),
            standings: Standings::default(),
        })))
    }

    /// The connection.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The sequence of the log's last event, 0 for an empty log; as the stream's leader has it.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] where nobody answers in time.
    pub async fn last_sequence(&self) -> Result<u64, LogError> {
        Ok(self.info().await?.state.last_sequence)
    }

    /// The log's last event, likewise; `None` for an empty log.
    ///
    /// # Errors
    /// Any [`LogError`] but `Full`.
    pub async fn last(&self) -> Result<Option<Recorded>, LogError> {
        match self.last_sequence().await? {
            0 => Ok(None),
            last => read::at(&self.0.context, last).await,
        }
    }

    /// The event at a sequence, likewise; `None` where there is none.
    ///
    /// # Errors
    /// Any [`LogError`] but `Full`.
    pub async fn at(&self, sequence: u64) -> Result<Option<Recorded>, LogError> {
        read::at(&self.0.context, sequence).await
    }

    pub(crate) async fn info(&self) -> Result<Info, LogError> {
        read::log_stream(&self.0.context)
            .await?
            .get_info()
            .await
            .map_err(|e| LogError::Unavailable(e.into()))
    }

    pub(crate) fn context(&self) -> &jetstream::Context {
        &self.0.context
    }

    pub(crate) fn service(&self) -> &str {
        &self.0.service
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.0.cache
    }

    pub(crate) fn standings(&self) -> &Standings {
        &self.0.standings
    }

    pub(crate) fn space(&self) -> &Space {
        &self.0.space
    }
}

/// Aggregates in the cache.
const CACHED: usize = 2_000;
