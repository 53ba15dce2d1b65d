//! The log as it is stored, beside what the tree has recorded of it.

use api::projection::v1::{ExportEventsResponse, HeaderField, StoredEvent};
use eventlog::{
    EventLog,
    proof::{Hash, Stored},
};
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use pbjson_types::Timestamp;
use sea_orm::DatabaseConnection;

use crate::{query::tree, refusal::Refusal};

/// A walk through the log.
pub struct Export {
    stored: BoxStream<'static, Stored>,
    database: DatabaseConnection,
    /// The event that comes next.
    next: u64,
    through: u64,
    /// What was read, and is not that one.
    ahead: Option<Stored>,
}

impl Export {
    /// The events past `after` and up to `through`, which the tables must hold.
    pub fn new(log: &EventLog, database: DatabaseConnection, after: u64, through: u64) -> Self {
        Self {
            stored: log.stored(after, through),
            database,
            next: after.saturating_add(1),
            through,
            ahead: None,
        }
    }

    /// Some at a time.
    pub fn follow(
        self,
    ) -> impl Stream<Item = Result<ExportEventsResponse, Refusal>> + Send + 'static {
        stream::try_unfold(self, |mut walk| async move {
            Ok(walk.some().await?.map(|some| (some, walk)))
        })
    }

    async fn some(&mut self) -> Result<Option<ExportEventsResponse>, Refusal> {
        let first = self.next;
        let mut events = Vec::new();
        let mut weight = 0;
        while self.next <= self.through && events.len() < MOST && weight < HEAVIEST {
            if self.ahead.is_none() {
                self.ahead = self.stored.next().await;
            }
            // Whatever the log has past its turn comes when its turn has come.
            let event = self.ahead.take_if(|event| event.sequence == self.next);
            weight += event.as_ref().map_or(0, |event| event.body.len()) + HEADERS;
            events.push(event);
            self.next += 1;
        }
        if events.is_empty() {
            return Ok(None);
        }
        let leaves = tree::leaves(&self.database, first, self.next - 1).await?;
        let events = events.into_iter().zip(first..);
        let events = events
            .map(|(event, sequence)| answered(sequence, event, tree::leaf(&leaves, sequence)));
        Ok(Some(ExportEventsResponse {
            events: events.collect(),
        }))
    }
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

/// Events in one message.
const MOST: usize = 256;
/// Bytes in one message, but for the last event of it.
const HEAVIEST: usize = 1 << 20;
/// About what an event takes beside its body.
const HEADERS: usize = 800;
