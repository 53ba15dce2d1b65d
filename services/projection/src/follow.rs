//! From events to rows: a batch is read whole, folded in memory, and written in few statements, in
//! the transaction that also moves the checkpoint.

mod batch;
mod certificates;
mod link;
mod notifications;
mod renewers;
pub mod replay;
mod seals;
mod tally;
mod write;

use std::{error::Error, time::Duration};

use eventlog::{Apply, ApplyError, EventLog, FollowError, Follower, LogError, Recorded};
use sea_orm::{DatabaseConnection, DatabaseTransaction};
use tokio_util::sync::CancellationToken;

use self::batch::Batch;
use crate::{
    events::Event,
    position::{Poison, Position},
    skipped::Skipped,
};

/// The name of the checkpoint.
pub const FOLLOWER: &str = "projection";

/// Follows the whole log until `stopping`. When it meets an event that it cannot apply, or another log,
/// that is logged, and the position is marked as stopped: what fixes it is a person's decision. What the log says is
/// to be passed over, is. A database that fails is tried again for as long as it takes.
pub async fn follow(
    log: EventLog,
    database: DatabaseConnection,
    position: Position,
    stopping: CancellationToken,
) {
    let Some(skipped) = stopping.run_until_cancelled(patiently(&log)).await else {
        return;
    };
    loop {
        let follower = Follower {
            name: FOLLOWER.to_owned(),
            subjects: Vec::new(),
            log: log.clone(),
            database: database.clone(),
        };
        let projector = Projector::new(position.clone(), skipped.clone());
        let Err(error) = follower.run(projector, stopping.clone()).await else {
            return;
        };
        let (at, causes) = (position.now(), told(&error));
        if !passes(&error) {
            tracing::error!(
                position = at,
                error = %causes,
                "the projection has stopped; queries are answered as of its position"
            );
            match changed(&error) {
                true => position.log_changed(),
                false => position.stop(poison(&error)),
            }
            return;
        }
        tracing::error!(position = at, error = %causes, "the projection cannot write, trying again");
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(AFTER_FAILURE) => {}
        }
    }
}

/// What is to be passed over, however long the log is away.
async fn patiently(log: &EventLog) -> Skipped {
    loop {
        match Skipped::load(log).await {
            Ok(skipped) => return skipped,
            Err(error) => {
                tracing::warn!(error = %told(&error), "cannot read what is to be passed over, trying again");
            }
        }
        tokio::time::sleep(AFTER_FAILURE).await;
    }
}

/// The event that could not be applied.
fn poison(error: &FollowError) -> Option<Poison> {
    match error {
        FollowError::Apply {
            source:
                ApplyError::Event {
                    sequence,
                    event,
                    source,
                },
            ..
        } => Some(Poison {
            sequence: *sequence,
            event: event.clone(),
            error: told(source.as_ref()),
        }),
        FollowError::Apply { .. } | FollowError::LogChanged { .. } | FollowError::Log { .. } => {
            None
        }
    }
}

/// Whether waiting may help: a full disk is cleared and a database restarted, but a row that breaks a
/// constraint will always break it.
fn passes(error: &FollowError) -> bool {
    match error {
        FollowError::Apply {
            source: ApplyError::Database(error),
            ..
        } => error.sql_err().is_none(),
        FollowError::Apply { .. } | FollowError::LogChanged { .. } | FollowError::Log { .. } => {
            false
        }
    }
}

/// Whether it is the log that does not hold together, and not an event of it that this version cannot apply.
fn changed(error: &FollowError) -> bool {
    match error {
        FollowError::LogChanged { .. } => true,
        FollowError::Log { source, .. } => matches!(source, LogError::Damaged(_)),
        FollowError::Apply { .. } => false,
    }
}

/// Writes the rows of events.
#[derive(Debug)]
pub struct Projector {
    position: Position,
    skipped: Skipped,
}

impl Projector {
    /// Tells `position` how far it has come.
    pub fn new(position: Position, skipped: Skipped) -> Self {
        Self { position, skipped }
    }
}

#[async_trait::async_trait]
impl Apply for Projector {
    async fn apply(
        &mut self,
        tx: &DatabaseTransaction,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        let mut read = Vec::with_capacity(events.len());
        for recorded in events {
            read.push((recorded, read_one(recorded, &self.skipped)?));
        }
        write_all(tx, read, Rows::All).await
    }

    async fn committed(&mut self, position: u64, _events: &[Recorded]) {
        self.position.advance(position);
    }
}

/// Which tables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// All of them.
    All,
    /// All but the events themselves.
    WithoutEvents,
}

/// An event as the tables take it.
fn read_one(recorded: &Recorded, skipped: &Skipped) -> Result<Event, ApplyError> {
    if skipped.has(recorded) {
        return Ok(Event::Skipped);
    }
    Event::read(recorded).map_err(|e| ApplyError::event(recorded, e))
}

/// The rows of these events, oldest first.
async fn write_all(
    tx: &DatabaseTransaction,
    events: Vec<(&Recorded, Event)>,
    rows: Rows,
) -> Result<(), ApplyError> {
    let mut batch = Batch::load(tx, &events, rows).await?;
    let recorded = events.iter().map(|(one, _)| *one).collect::<Vec<_>>();
    for (recorded, event) in events {
        let taken = batch.take(recorded, event);
        taken.map_err(|e| ApplyError::event(recorded, e))?;
    }
    batch.store(tx).await?;
    // The tree has every event, whatever became of it.
    seals::grow(tx, &recorded).await
}

/// An error with all that caused it, in one line.
pub(crate) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The pause after the follower's own tries, which take a second or two together.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
