//! From events to rows: a batch is read whole, folded in memory, and written in few statements, in
//! the transaction that also moves the checkpoint.

mod batch;
mod write;

use eventlog::{Apply, ApplyError, EventLog, FollowError, Follower, Recorded};
use sea_orm::{DatabaseConnection, DatabaseTransaction};
use tokio_util::sync::CancellationToken;

use self::batch::Batch;
use crate::{events::Event, position::Position};

/// The name of the checkpoint.
pub const FOLLOWER: &str = "projection";

/// Follows the whole log until `stopping`. When it cannot go on, that is logged, and the position
/// is marked as stopped: what fixes it is a person's decision, and then a restart.
pub async fn follow(
    log: EventLog,
    database: DatabaseConnection,
    position: Position,
    stopping: CancellationToken,
) {
    let follower = Follower {
        name: FOLLOWER.to_owned(),
        subjects: Vec::new(),
        log,
        database,
    };
    let projector = Projector::new(position.clone());
    if let Err(error) = follower.run(projector, stopping).await {
        tracing::error!(
            position = position.now(),
            error = %causes(&error),
            "the projection has stopped; queries are answered as of its position"
        );
        position.stop();
    }
}

/// Writes the rows of events.
#[derive(Debug)]
pub struct Projector {
    position: Position,
}

impl Projector {
    /// Tells `position` how far it has come.
    pub fn new(position: Position) -> Self {
        Self { position }
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
            let event = Event::read(recorded).map_err(|e| ApplyError::event(recorded, e))?;
            read.push((recorded, event));
        }
        let mut batch = Batch::load(tx, &read).await?;
        for (recorded, event) in read {
            let taken = batch.take(recorded, event);
            taken.map_err(|e| ApplyError::event(recorded, e))?;
        }
        batch.store(tx).await?;
        Ok(())
    }

    async fn committed(&mut self, position: u64, _events: &[Recorded]) {
        self.position.advance(position);
    }
}

/// An error with all that caused it, in one line.
fn causes(error: &FollowError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
