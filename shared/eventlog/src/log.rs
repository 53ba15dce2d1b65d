use async_nats::Client;

use crate::{error::LogError, safety::OpenError};

/// The event log, for one service. Cheap to clone; clones share the connection and the cache.
#[derive(Clone)]
pub struct EventLog {
    client: Client,
}

impl EventLog {
    /// Opens the log for a service, after checking that stream and server are safe.
    /// `service` becomes `ce-source: /chancery/<service>`.
    ///
    /// # Errors
    /// [`OpenError::Unsafe`] names what is unsafe.
    pub async fn open(client: Client, service: &str) -> Result<Self, OpenError> {
        let _ = service;
        Ok(Self { client })
    }

    /// The connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The sequence of the log's last event, 0 for an empty log; as the stream's leader has it.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] where nobody answers in time.
    pub async fn last_sequence(&self) -> Result<u64, LogError> {
        unimplemented!()
    }
}
