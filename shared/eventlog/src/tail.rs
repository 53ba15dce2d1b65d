//! Every event past a sequence, and then what comes.

use futures_util::stream::BoxStream;

use crate::{envelope::Recorded, error::LogError, log::EventLog};

impl EventLog {
    /// The events past `after` whose subjects fall under one of `subjects` (all, where there are
    /// none), in order, and then live. Connects again by itself, without gap or repeat; an error
    /// in it is for an event that is not ours, and ends it.
    pub fn tail(
        &self,
        subjects: Vec<String>,
        after: u64,
    ) -> BoxStream<'static, Result<Recorded, LogError>> {
        let _ = (subjects, after);
        unimplemented!()
    }
}
