//! One aggregate from its events.

use uuid::Uuid;

use crate::{
    aggregate::Aggregate, envelope::Recorded, error::LogError, log::EventLog, read, subject,
};

/// An aggregate as the log has it.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    /// What its events made of it; the default where there are none.
    pub state: A,
    /// The sequence of its last event, 0 where there is none.
    pub last_sequence: u64,
    /// Its events, oldest first.
    pub events: Vec<Recorded>,
}

impl<A> Loaded<A> {
    /// The event of that id, where it is one of this aggregate's.
    pub fn event(&self, event_id: Uuid) -> Option<&Recorded> {
        self.events.iter().find(|e| e.event_id == event_id)
    }
}

impl EventLog {
    /// Replays one aggregate, as the stream's leader has it now: own writes are always in it.
    ///
    /// # Errors
    /// Any [`LogError`] but `Full`.
    pub async fn load<A: Aggregate>(&self, id: &str) -> Result<Loaded<A>, LogError> {
        let events = self.events_of(A::NAME, id).await?;
        let mut state = A::default();
        for recorded in &events {
            state.evolve(&recorded.decode()?, &recorded.envelope());
        }
        Ok(Loaded {
            state,
            last_sequence: events.last().map_or(0, |e| e.sequence),
            events,
        })
    }

    /// The events of one aggregate, oldest first, likewise; also of a kind that another service owns,
    /// for who needs to know a part of it.
    ///
    /// # Errors
    /// Any [`LogError`] but `Full`.
    pub async fn events_of(&self, aggregate: &str, id: &str) -> Result<Vec<Recorded>, LogError> {
        if !subject::is_token(id) {
            return Err(LogError::InvalidId(id.to_owned()));
        }
        read::all_of(self.context(), &subject::of_one(aggregate, id)).await
    }
}
