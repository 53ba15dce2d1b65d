//! A command on one aggregate: decided on what it builds on, stored at most once.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{
    aggregate::{Aggregate, EventBody as _},
    cache::Known,
    envelope::{self, Envelope, Origin, Recorded},
    error::LogError,
    load::Loaded,
    log::EventLog,
    measured,
    publish::Answer,
    subject,
    wire::{self, Outgoing},
};

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
    /// It has changed since the caller read it.
    #[error(transparent)]
    Changed(Changed),
    /// The log did not take the event.
    #[error("the event log did not take the event")]
    Failed(#[source] LogError),
}

/// Somebody changed an aggregate after the position that a command names as read ([`Origin::unchanged_since`]).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{actor} has changed this since you read it ({event} at position {position}); look at it again"
)]
pub struct Changed {
    /// The aggregate's newest event: its last word, such as "renamed".
    pub event: String,
    /// Who made it.
    pub actor: String,
    /// Where it is in the log.
    pub position: u64,
}

impl Changed {
    fn after(read: Option<u64>, events: &[Recorded]) -> Option<Changed> {
        let last = events.last()?;
        (last.sequence > read?).then(|| Changed {
            event: last.event.clone(),
            actor: last.actor.clone(),
            position: last.sequence,
        })
    }
}

/// What became of an append on a known sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It is stored, at this position.
    Stored(u64),
    /// The aggregate has other events than were known; nothing is stored.
    Conflict,
    /// Nobody answered: it may be stored, or be stored yet.
    Unknown(String),
}

impl EventLog {
    /// Appends to an aggregate whose last sequence is known, without a look at it: one round trip.
    ///
    /// For what was decided by a row that a follower keeps, and is a request of its own. A repeat does not
    /// find its event, so `origin` must be a fresh one.
    ///
    /// # Errors
    /// Why the log took nothing.
    pub async fn append_after<A: Aggregate>(
        &self,
        id: &str,
        origin: &Origin,
        item: &str,
        now: OffsetDateTime,
        event: &A::Event,
        last_sequence: u64,
    ) -> Result<Appended, LogError> {
        if !subject::is_token(id) {
            return Err(LogError::InvalidId(id.to_owned()));
        }
        if self.has_no_space_for(origin) {
            return Err(LogError::Full);
        }
        let command = Command {
            log: self,
            id,
            origin,
            event_id: envelope::event_id::<A>(origin, id, item),
            time: wire::whole_microseconds(now),
        };
        Ok(match command.append::<A>(event, last_sequence).await? {
            Answer::Stored(position) => Appended::Stored(position),
            Answer::Conflict | Answer::Duplicate => Appended::Conflict,
            Answer::None(error) => Appended::Unknown(error),
        })
    }

    /// Decides on the aggregate and appends what was decided; a repeat of a request finds its event.
    ///
    /// `decide` must be pure: it is asked again after a conflict, and first on a guess (a cached
    /// state, or the empty one), which the expected sequence of the append makes safe. A refusal is
    /// only believed when it was decided on what the log's leader holds.
    ///
    /// # Errors
    /// See [`CommandError`]. After `Failed(Unavailable)` the event may or may not be stored; after any
    /// other error this call stored nothing.
    pub async fn execute<A: Aggregate, R>(
        &self,
        id: &str,
        origin: &Origin,
        item: &str,
        now: OffsetDateTime,
        decide: impl Fn(&A) -> Result<A::Event, R> + Send + Sync,
    ) -> Result<Executed<A>, CommandError<R>> {
        let failed = CommandError::Failed;
        if !subject::is_token(id) {
            return Err(failed(LogError::InvalidId(id.to_owned())));
        }
        let command = Command {
            log: self,
            id,
            origin,
            event_id: envelope::event_id::<A>(origin, id, item),
            time: wire::whole_microseconds(now),
        };

        // Without space nothing is appended, but a repeat still finds its event: the log is looked at first.
        let no_space = self.has_no_space_for(origin);
        let must_look = no_space || origin.unchanged_since.is_some();
        let mut guess = (!must_look).then(|| self.cache().get::<A>(id).unwrap_or_default());
        let mut unanswered = 0;
        for _ in 0..ATTEMPTS {
            let guessed = guess
                .take()
                .filter(|k| !k.event_ids.contains(&command.event_id));
            let certain = guessed.is_none();
            let known = match guessed {
                Some(known) => known,
                None => {
                    let loaded = self.load::<A>(id).await;
                    let loaded = loaded.map_err(|e| failed(doubted(e, unanswered)))?;
                    if let Some(done) = command.found_in(&loaded, unanswered > 0)? {
                        return Ok(done);
                    }
                    if let Some(changed) = Changed::after(origin.unchanged_since, &loaded.events) {
                        return Err(CommandError::Changed(changed));
                    }
                    if unanswered == UNANSWERED {
                        return Err(failed(LogError::Unavailable(NO_ACKNOWLEDGEMENT.into())));
                    }
                    let known = Arc::new(Known::from(&loaded));
                    self.cache().keep(id, known.clone());
                    known
                }
            };
            let event = match decide(&known.state) {
                Ok(event) => event,
                Err(refusal) if certain => return Err(CommandError::Refused(refusal)),
                Err(_) => continue,
            };
            if no_space {
                return Err(failed(LogError::Full));
            }
            let answer = command.append::<A>(&event, known.last_sequence).await;
            match answer.map_err(|e| failed(doubted(e, unanswered)))? {
                Answer::Stored(position) => return Ok(command.done(&known, event, position)),
                // In every other case the aggregate is looked at again: for what others did, or for
                // our own id.
                Answer::Conflict | Answer::Duplicate => {}
                Answer::None(error) => {
                    tracing::warn!(error, event_id = %command.event_id, "an append was not acknowledged");
                    unanswered += 1;
                }
            }
        }
        if unanswered > 0 {
            return Err(failed(LogError::Unavailable(NO_ACKNOWLEDGEMENT.into())));
        }
        Err(CommandError::Contended)
    }
}

/// What an error says of the whole command: after an append that nobody acknowledged, whatever fails
/// then, the event may be stored. Callers undo their side of a command where it surely is not.
fn doubted(error: LogError, unanswered: usize) -> LogError {
    match error {
        error if unanswered > 0 => LogError::Unavailable(error.into()),
        error => error,
    }
}

/// One command on its way into the log.
struct Command<'a> {
    log: &'a EventLog,
    id: &'a str,
    origin: &'a Origin,
    event_id: Uuid,
    time: OffsetDateTime,
}

impl Command<'_> {
    /// The answer, where the event is in the log already: an earlier try stored it, or this one did
    /// and the acknowledgement was lost (`sent`).
    fn found_in<A: Aggregate, R>(
        &self,
        loaded: &Loaded<A>,
        sent: bool,
    ) -> Result<Option<Executed<A>>, CommandError<R>> {
        let Some(earlier) = loaded.event(self.event_id) else {
            return Ok(None);
        };
        if earlier.request_digest != self.origin.request_digest {
            return Err(CommandError::RequestIdReused);
        }
        Ok(Some(Executed {
            state: loaded.state.clone(),
            event: earlier.decode().map_err(CommandError::Failed)?,
            event_id: self.event_id,
            position: earlier.sequence,
            repeated: !sent,
        }))
    }

    async fn append<A: Aggregate>(
        &self,
        event: &A::Event,
        last_sequence: u64,
    ) -> Result<Answer, LogError> {
        let outgoing = Outgoing {
            service: self.log.service(),
            aggregate: A::NAME,
            id: self.id,
            event: event.name(),
            schema: event.schema(),
            event_id: self.event_id,
            time: self.time,
            origin: self.origin,
        };
        // What follows from the event goes on in the trace behind this span.
        let span = tracing::info_span!(
            "append",
            otel.kind = "producer",
            otel.name = format!("append {}.{}", A::NAME, event.name()),
            service = self.log.service(),
            event_id = %self.event_id,
        );
        let begun = Instant::now();
        let answer = self.log.publish(&outgoing, event.to_json()?, last_sequence);
        let answer = answer.instrument(span).await;
        measured::append(self.log.service(), begun.elapsed(), &answer);
        answer
    }

    fn done<A: Aggregate>(&self, known: &Known<A>, event: A::Event, position: u64) -> Executed<A> {
        let mut known = known.clone();
        let recorded = Envelope {
            sequence: position,
            event_id: self.event_id,
            time: self.time,
            actor: self.origin.actor.clone(),
            correlation_id: self.origin.correlation_id,
        };
        known.state.evolve(&event, &recorded);
        known.last_sequence = position;
        known.event_ids.push(self.event_id);
        let state = known.state.clone();
        self.log.cache().keep(self.id, Arc::new(known));
        Executed {
            state,
            event,
            event_id: self.event_id,
            position,
            repeated: false,
        }
    }
}

/// Decisions per command: as many writers as may race for one aggregate, and some.
const ATTEMPTS: usize = 100;

/// Appends without an answer, after which the log counts as unavailable.
const UNANSWERED: usize = 2;

const NO_ACKNOWLEDGEMENT: &str = "no append was acknowledged";
