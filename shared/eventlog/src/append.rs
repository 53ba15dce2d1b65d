//! A command on one aggregate: decided on what it builds on, stored at most once.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{aggregate::Aggregate, envelope::Origin, error::LogError, log::EventLog};

/// A command that was done, now or by an earlier try of the same request.
#[derive(Clone, Debug)]
pub struct Executed<A: Aggregate> {
    /// The aggregate with the event in it (and, for a repeat, with all that came since).
    pub state: A,
    /// What happened.
    pub event: A::Event,
    /// The event's id.
    pub event_id: Uuid,
    /// The event's sequence in the stream: what a query's `at_least` takes.
    pub position: u64,
    /// An earlier try had stored it.
    pub repeated: bool,
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError<R> {
    /// The rules said no; the caller can act on it.
    #[error(transparent)]
    Refused(R),
    /// This request id was used before, for another command.
    #[error("the request id was used before for another command")]
    RequestIdReused,
    /// Others kept changing the aggregate; trying again later may do.
    #[error("others keep changing this at the same time")]
    Contended,
    /// The log did not take the event.
    #[error("the event log did not take the event")]
    Failed(#[source] LogError),
}

impl EventLog {
    /// Decides on the aggregate and appends what was decided; a repeat of a request finds its event.
    ///
    /// `decide` must be pure: it is asked again after a conflict, and first on a guess (a cached
    /// state, or the empty one), which the expected sequence of the append makes safe. A refusal is
    /// only believed when it was decided on what the log's leader holds.
    ///
    /// # Errors
    /// See [`CommandError`]. After `Failed(Unavailable)` the event may or may not be stored.
    pub async fn execute<A: Aggregate, R>(
        &self,
        id: &str,
        origin: &Origin,
        item: &str,
        now: OffsetDateTime,
        decide: impl Fn(&A) -> Result<A::Event, R> + Send + Sync,
    ) -> Result<Executed<A>, CommandError<R>> {
        let _ = (id, origin, item, now, decide);
        unimplemented!()
    }
}
