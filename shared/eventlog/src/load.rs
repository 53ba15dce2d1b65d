//! One aggregate from its events.

use crate::{aggregate::Aggregate, envelope::Recorded, error::LogError, log::EventLog};

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

impl EventLog {
    /// Replays one aggregate, as the stream's leader has it now: own writes are always in it.
    ///
    /// # Errors
    /// Any [`LogError`] but `Full`.
    pub async fn load<A: Aggregate>(&self, id: &str) -> Result<Loaded<A>, LogError> {
        let _ = id;
        unimplemented!()
    }
}
