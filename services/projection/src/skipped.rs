//! Events that the tables pass over because somebody said so: they are in the log after the event that they are
//! about, and count for every replay of it.

use std::collections::BTreeMap;

use api::projection::v1::{EventSkipped, TablesResumed, TablesStopped};
use eventlog::{Aggregate, CommandError, Envelope, EventLog, LogError, Origin, Recorded};
use runtime::Clock;
use uuid::Uuid;

use crate::position::Poison;

eventlog::events! {
    /// What happens to the tables.
    pub enum TablesEvent {
        /// An event cannot be taken in.
        Stopped("stopped"): TablesStopped = "chancery.projection.v1.TablesStopped",
        /// It was, after all.
        Resumed("resumed"): TablesResumed = "chancery.projection.v1.TablesResumed",
        /// An event is passed over.
        EventSkipped("event-skipped"): EventSkipped = "chancery.projection.v1.EventSkipped",
    }
}

/// What is passed over: the events' ids by their sequence; and where the tables stand still.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    events: BTreeMap<u64, String>,
    stopped_at: Option<u64>,
}

/// The tables are one aggregate.
pub const TABLES: &str = "projection";

/// The longest reason, in characters.
pub const MAX_REASON: usize = 200;

impl Aggregate for Skipped {
    const NAME: &'static str = "tables";
    type Event = TablesEvent;

    fn evolve(&mut self, event: &TablesEvent, _: &Envelope) {
        match event {
            TablesEvent::Stopped(stopped) => self.stopped_at = Some(stopped.sequence),
            TablesEvent::Resumed(_) => self.stopped_at = None,
            TablesEvent::EventSkipped(skipped) => {
                self.events
                    .insert(skipped.sequence, skipped.event_id.clone());
                self.stopped_at = None;
            }
        }
    }
}

/// Why an event is not passed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is already.
    #[error("event {0} is passed over already")]
    Already(u64),
    /// The log says so already.
    #[error("the log says so already")]
    SaysSo,
}

impl Skipped {
    /// All that the log says is passed over, as its leader has it.
    ///
    /// # Errors
    /// What the log says.
    pub async fn load(log: &EventLog) -> Result<Self, LogError> {
        Ok(log.load::<Self>(TABLES).await?.state)
    }

    /// Whether this event is: no other that came to stand in its place.
    pub fn has(&self, event: &Recorded) -> bool {
        self.events
            .get(&event.sequence)
            .is_some_and(|id| *id == event.event_id.to_string())
    }

    /// Whether an event at this place is, whichever it is.
    pub fn passes_over(&self, sequence: u64) -> bool {
        self.events.contains_key(&sequence)
    }

    /// Where the log says that the tables stand still.
    pub fn stopped_at(&self) -> Option<u64> {
        self.stopped_at
    }

    /// Says that they stand still, once.
    ///
    /// # Errors
    /// [`Refusal::SaysSo`].
    pub fn stop(&self, stopped: &TablesStopped) -> Result<TablesEvent, Refusal> {
        match self.stopped_at {
            Some(at) if at == stopped.sequence => Err(Refusal::SaysSo),
            _ => Ok(TablesEvent::Stopped(stopped.clone())),
        }
    }

    /// Says that they do not any more, once.
    ///
    /// # Errors
    /// Likewise.
    pub fn resume(&self) -> Result<TablesEvent, Refusal> {
        let sequence = self.stopped_at.ok_or(Refusal::SaysSo)?;
        Ok(TablesEvent::Resumed(TablesResumed { sequence }))
    }

    /// Passes over one more.
    ///
    /// # Errors
    /// [`Refusal::Already`].
    pub fn decide(&self, event: &EventSkipped) -> Result<TablesEvent, Refusal> {
        match self.events.get(&event.sequence) {
            Some(id) if *id == event.event_id => Err(Refusal::Already(event.sequence)),
            _ => Ok(TablesEvent::EventSkipped(event.clone())),
        }
    }
}

/// Says in the log that the tables stopped at this event, or that they go on: once, whoever says it.
///
/// # Errors
/// What the log says.
pub async fn say(log: &EventLog, clock: &Clock, poison: Option<&Poison>) -> Result<(), LogError> {
    let event_id = match poison {
        Some(poison) => log.at(poison.sequence).await?.map(|event| event.event_id),
        None => None,
    };
    let stopped = poison.map(|poison| TablesStopped {
        sequence: poison.sequence,
        event_id: event_id.map(|id| id.to_string()).unwrap_or_default(),
        event: poison.event.clone(),
        error: poison.error.chars().take(MAX_ERROR).collect(),
    });
    let decide = |state: &Skipped| match &stopped {
        Some(stopped) => state.stop(stopped),
        None => state.resume(),
    };
    let origin = Origin {
        causation_id: event_id.filter(|id| *id != Uuid::nil()),
        ..Origin::unasked("service/projection", clock.new_id())
    };
    let done = log.execute::<Skipped, _>(TABLES, &origin, "", clock.now(), decide);
    match done.await {
        Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
        Err(CommandError::Failed(error)) => Err(error),
        // Others say the same: the next look shows it.
        Err(CommandError::Contended | CommandError::Changed(_) | CommandError::RequestIdReused) => {
            Ok(())
        }
    }
}

/// How much of an error goes into an event, in characters.
pub const MAX_ERROR: usize = 500;

#[cfg(test)]
mod tests {
    use eventlog::{EventBody, given::given};

    use super::*;

    fn skipped(sequence: u64, event_id: &str) -> EventSkipped {
        EventSkipped {
            sequence,
            event_id: event_id.to_owned(),
            ..EventSkipped::default()
        }
    }

    #[test]
    fn an_event_is_passed_over_once() {
        let event = |id| TablesEvent::EventSkipped(skipped(7, id));
        given::<Skipped>([])
            .when(|state| state.decide(&skipped(7, "a")))
            .then(event("a"));
        given::<Skipped>([event("a")])
            .when(|state| state.decide(&skipped(7, "a")))
            .refused(Refusal::Already(7));
        // After the log was restored another event may stand there.
        given::<Skipped>([event("a")])
            .when(|state| state.decide(&skipped(7, "b")))
            .then(event("b"));
    }

    #[test]
    fn that_they_stand_still_is_said_once_and_that_they_go_on() {
        let stopped = TablesStopped {
            sequence: 7,
            ..TablesStopped::default()
        };
        let said = || TablesEvent::Stopped(stopped.clone());
        given::<Skipped>([])
            .when(|state| state.stop(&stopped))
            .then(said());
        given::<Skipped>([said()])
            .when(|state| state.stop(&stopped))
            .refused(Refusal::SaysSo);
        let resumed = TablesEvent::Resumed(TablesResumed { sequence: 7 });
        given::<Skipped>([said()])
            .when(Skipped::resume)
            .then(resumed.clone());
        given::<Skipped>([said(), resumed])
            .when(Skipped::resume)
            .refused(Refusal::SaysSo);
        let skipped = TablesEvent::EventSkipped(skipped(7, "a"));
        given::<Skipped>([said(), skipped])
            .when(Skipped::resume)
            .refused(Refusal::SaysSo);
    }

    #[test]
    fn every_event_ever_written_is_still_read() {
        // A golden file is never edited: every later version must still read it, and write it so.
        for (name, json) in [
            ("stopped", include_str!("golden/tables.stopped.json")),
            ("resumed", include_str!("golden/tables.resumed.json")),
            (
                "event-skipped",
                include_str!("golden/tables.event-skipped.json"),
            ),
        ] {
            let event = TablesEvent::from_json(name, json.as_bytes()).unwrap();
            let written = serde_json::from_slice::<serde_json::Value>(&event.to_json().unwrap());
            let kept = serde_json::from_str::<serde_json::Value>(json);
            assert_eq!(written.unwrap(), kept.unwrap());
        }
    }
}
