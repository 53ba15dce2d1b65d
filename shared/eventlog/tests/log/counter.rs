//! An aggregate to try the log with: a counter that can be closed.

use eventlog::{Aggregate, Envelope, EventLog, Executed, Origin};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Added {
    pub by: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Closed {}

eventlog::events! {
    /// What happens to a counter.
    pub enum Event {
        /// It counts on.
        Added("added"): Added = "test.v1.Added",
        /// It counts no more.
        Closed("closed"): Closed = "test.v1.Closed",
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counter {
    pub sum: u64,
    pub closed: bool,
    pub last_sequence: u64,
}

impl Aggregate for Counter {
    const NAME: &'static str = "counter";
    type Event = Event;

    fn evolve(&mut self, event: &Event, recorded: &Envelope) {
        match event {
            Event::Added(added) => self.sum += added.by,
            Event::Closed(_) => self.closed = true,
        }
        self.last_sequence = recorded.sequence;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the counter is closed")]
pub struct IsClosed;

pub type CommandError = eventlog::CommandError<IsClosed>;

pub const NOW: OffsetDateTime = datetime!(2026-05-06 07:08:09.123456 UTC);

pub fn add(by: u64) -> impl Fn(&Counter) -> Result<Event, IsClosed> + Send + Sync {
    move |counter| match counter.closed {
        false => Ok(Event::Added(Added { by })),
        true => Err(IsClosed),
    }
}

pub fn close(counter: &Counter) -> Result<Event, IsClosed> {
    match counter.closed {
        false => Ok(Event::Closed(Closed {})),
        true => Err(IsClosed),
    }
}

/// A command's origin; the digest follows from the payload.
pub fn origin(request_id: &str, payload: &str) -> Origin {
    Origin {
        actor: "token/1".into(),
        request_id: request_id.into(),
        request_digest: format!("digest of {payload}"),
        correlation_id: Uuid::from_u128(1),
        causation_id: None,
        unchanged_since: None,
    }
}

/// Adds to a counter under a request id of its own.
pub async fn added(log: &EventLog, id: &str, by: u64) -> Executed<Counter> {
    let origin = origin(&Uuid::now_v7().to_string(), "add");
    log.execute(id, &origin, "", NOW, add(by))
        .await
        .expect("added")
}
