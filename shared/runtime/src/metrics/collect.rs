//! What is asked for at each look at the metrics.

use sea_orm::DbErr;

use super::{Closed, Metric, Page};

/// What a service cannot count as it happens.
#[async_trait::async_trait]
pub trait Collect: Send + Sync + 'static {
    /// Sets gauges, by the `metrics` crate.
    ///
    /// # Errors
    /// The gauges stay what they were, and the log says why.
    async fn refresh(&self) -> Result<(), CollectError> {
        Ok(())
    }

    /// Writes metrics of its own: those with a series for each of many things, which come and go.
    ///
    /// # Errors
    /// The look breaks off: half of the series would pass for all of them.
    async fn write(&self, page: &mut Page) -> Result<(), CollectError> {
        let _ = page;
        Ok(())
    }
}

/// Why something could not be collected.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// Who asked does not listen any more.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The database.
    #[error("the database does not answer")]
    Database(#[from] DbErr),
}

/// So much waits in one of a service's queues.
pub fn queue(service: &'static str, queue: &'static str, waiting: u64) {
    metrics::gauge!(QUEUE.name, "service" => service, "queue" => queue).set(waiting as f64);
}

pub(super) const QUEUE: Metric = Metric::gauge(
    "chancery_queue_length",
    &["service", "queue"],
    "What waits to be done or tried again: orders, revocations, releases, dns-records (acme-agent), fulfilments (csr-service), messages (notifier).",
);
