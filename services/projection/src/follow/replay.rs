//! The log from one event to another, as fast as it goes, into tables that nobody else writes: for those that are
//! made beside the served ones. While one batch is written the next is read.

use std::mem;

use eventlog::{ApplyError, EventLog, LogError, Recorded, checkpoint::Checkpoint};
use futures_util::StreamExt as _;
use sea_orm::{DatabaseConnection, DbErr, TransactionTrait as _};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::{Rows, read_one, write_all};
use crate::{events::Event, skipped::Skipped};

/// What is replayed, and which rows it makes.
#[derive(Clone)]
pub struct Replay {
    /// Where from.
    pub log: EventLog,
    /// What is passed over.
    pub skipped: Skipped,
    /// Which rows are wanted.
    pub rows: Rows,
}

/// A replay that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is an event that cannot be applied.
    #[error("the replay stopped")]
    Apply(#[from] ApplyError),
    /// The log cannot be read.
    #[error("cannot read the log")]
    Log(#[from] LogError),
    /// The reader broke off: a fault in the program.
    #[error("the reader of the log broke off")]
    Broken,
}

impl Replay {
    /// Writes the rows of the events past `after`, up to `to`, which must be in the log; says where they are then.
    /// `passed` is shown each batch when it is written.
    ///
    /// # Errors
    /// See [`ReplayError`]. Some batches may be written then.
    pub async fn run(
        &self,
        database: &DatabaseConnection,
        after: Checkpoint,
        to: u64,
        mut passed: impl FnMut(&[Recorded]) + Send,
    ) -> Result<Checkpoint, ReplayError> {
        if to <= after.sequence {
            return Ok(after);
        }
        let mut reached = after;
        let (sender, mut batches) = mpsc::channel(WAITING);
        let reading = read(self.clone(), after.sequence, to, sender);
        let reading = AbortOnDropHandle::new(tokio::spawn(reading));
        while let Some((recorded, events)) = batches.recv().await {
            let tx = database.begin().await.map_err(ApplyError::from)?;
            let read = recorded.iter().zip(events).collect();
            write_all(&tx, read, self.rows).await?;
            tx.commit().await.map_err(ApplyError::from)?;
            if let Some(last) = recorded.last() {
                reached = Checkpoint::at(last);
            }
            passed(&recorded);
        }
        reading.await.map_err(|_| ReplayError::Broken)??;
        Ok(reached)
    }
}

impl From<DbErr> for ReplayError {
    fn from(error: DbErr) -> Self {
        Self::Apply(error.into())
    }
}

type Batch = (Vec<Recorded>, Vec<Event>);

async fn read(
    replay: Replay,
    after: u64,
    to: u64,
    batches: mpsc::Sender<Batch>,
) -> Result<(), ReplayError> {
    let mut log = replay.log.tail(Vec::new(), after);
    let mut last = after;
    let (mut recorded, mut events) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
    while last < to {
        let Some(next) = log.next().await else {
            return Err(ReplayError::Broken);
        };
        let next = next?;
        if next.sequence != last + 1 {
            let (missing, next) = (last + 1, next.sequence);
            let gap = format!("event {missing} is missing, the next is {next}");
            return Err(LogError::Damaged(gap).into());
        }
        last = next.sequence;
        events.push(read_one(&next, &replay.skipped)?);
        recorded.push(next);
        if events.len() == BATCH || last == to {
            let batch = (
                mem::replace(&mut recorded, Vec::with_capacity(BATCH)),
                mem::replace(&mut events, Vec::with_capacity(BATCH)),
            );
            if batches.send(batch).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Events in one transaction.
const BATCH: usize = 1_000;

/// Batches that are read and not written yet: few, so that memory stays flat.
const WAITING: usize = 2;
