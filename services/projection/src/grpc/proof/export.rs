//! The log as it is stored, beside what the tree has recorded of it.

use api::projection::v1::{ExportEventsResponse, HeaderField, StoredEvent};
use eventlog::{
    EventLog,
    proof::{Hash, Stored},
};
use futures_util::{Stream, stream};
use pbjson_types::Timestamp;
use sea_orm::DatabaseConnection;

use crate::{beside::Beside, refusal::Refusal};

/// The events past `after` and up to `through`, which the tables must hold, some at a time.
pub fn export(
    log: &EventLog,
    database: DatabaseConnection,
    after: u64,
    through: u64,
) -> impl Stream<Item = Result<ExportEventsResponse, Refusal>> + Send + 'static {
    let walk = (Beside::new(log, after, through), database);
    stream::try_unfold(walk, |(mut beside, database)| async move {
        let some = beside.some(&database).await?;
        if some.is_empty() {
            return Ok(None);
        }
        let events = some.into_iter();
        let events = events.map(|one| answered(one.sequence, one.event, one.leaf));
        let some = ExportEventsResponse {
            events: events.collect(),
        };
        Ok(Some((some, (beside, database))))
    })
}

/// An event as it is answered, or that there is none.
pub fn answered(sequence: u64, event: Option<Stored>, leaf: Option<Hash>) -> StoredEvent {
    let leaf_hash = leaf.map(|leaf| leaf.to_vec()).unwrap_or_default().into();
    let Some(event) = event else {
        return StoredEvent {
            sequence,
            missing: true,
            leaf_hash,
            ..StoredEvent::default()
        };
    };
    let headers = event.headers.into_iter();
    StoredEvent {
        sequence,
        missing: false,
        time: Some(Timestamp {
            seconds: event.time.div_euclid(PER_SECOND),
            // Below 1,000,000,000: fits.
            nanos: event.time.rem_euclid(PER_SECOND) as i32,
        }),
        subject: event.subject,
        headers: headers
            .map(|(name, value)| HeaderField { name, value })
            .collect(),
        body: event.body,
        leaf_hash,
    }
}

const PER_SECOND: i64 = 1_000_000_000;
