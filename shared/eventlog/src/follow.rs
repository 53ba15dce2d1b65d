//! Rows kept from events: each event takes effect on them once.
//!
//! A follower reads the whole log and passes over what it was not asked for, so that where it stands
//! can be held against any position that a command answered.

use std::{borrow::Cow, time::Duration};

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait as _};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    checkpoint::{self, Checkpoint},
    envelope::Recorded,
    error::LogError,
    log::EventLog,
    read,
    session::{Interruption, Session},
    subject, tail,
};

/// What a follower does with events.
#[async_trait::async_trait]
pub trait Apply: Send {
    /// Writes the rows of these events, oldest first, in the transaction that also moves the checkpoint.
    /// It may be rolled back, and the same events come again: what is kept in `self` must not care.
    ///
    /// # Errors
    /// [`ApplyError::Event`] for an event that cannot be applied: the follower stops before it.
    async fn apply(
        &mut self,
        tx: &DatabaseTransaction,
        events: &[Recorded],
    ) -> Result<(), ApplyError>;

    /// Called at the start and after each commit: rows are as of `position`. `events` are those that
    /// this follower applied; there may be none, where it passed over events of other kinds, or
    /// another replica wrote the rows.
    async fn committed(&mut self, position: u64, events: &[Recorded]) {
        let _ = (position, events);
    }
}

/// Why a batch was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// This event cannot be applied, however often it is tried.
    #[error("cannot apply event {sequence} ({event})")]
    Event {
        /// Its sequence in the stream.
        sequence: u64,
        /// Its kind, for example `certificate.issued`.
        event: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database did not take the rows; it is tried again a few times.
    #[error("the database did not take the rows")]
    Database(#[from] DbErr),
}

impl ApplyError {
    /// For an event that cannot be applied.
    pub fn event(
        recorded: &Recorded,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Event {
            sequence: recorded.sequence,
            event: format!("{}.{}", recorded.aggregate, recorded.event),
            source: source.into(),
        }
    }
}

/// Why a follower stopped, other than because it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// An event that it could not apply, or a database that kept refusing.
    #[error("follower {follower} stopped")]
    Apply {
        /// Its name.
        follower: String,
        /// At what.
        #[source]
        source: ApplyError,
    },
    /// The log is not the one that the rows were made from: it went backwards, or its past has changed.
    #[error(
        "follower {follower} stopped at {sequence}: {reason}; restore the log, or rebuild the tables from it"
    )]
    LogChanged {
        /// Its name.
        follower: String,
        /// Its checkpoint.
        sequence: u64,
        /// What does not fit.
        reason: String,
    },
    /// The log could not be read.
    #[error("follower {follower} cannot read the log")]
    Log {
        /// Its name.
        follower: String,
        /// Why not.
        #[source]
        source: LogError,
    },
}

/// Applies events to a database, in order, from its checkpoint on.
pub struct Follower {
    /// The name of its checkpoint.
    pub name: String,
    /// Which events it applies, as subject filters; all, where there are none.
    pub subjects: Vec<String>,
    /// Where from.
    pub log: EventLog,
    /// Where to; has the table of [`checkpoint::migration`].
    pub database: DatabaseConnection,
}

impl Follower {
    /// Follows until `stopping`; a batch that was begun is finished first.
    ///
    /// # Errors
    /// See [`FollowError`]: none of them passes by waiting.
    pub async fn run(
        self,
        mut apply: impl Apply,
        stopping: CancellationToken,
    ) -> Result<(), FollowError> {
        loop {
            let position = self.position().await?;
            // Another replica may have brought the rows there.
            apply.committed(position.sequence, &[]).await;
            let opening = tail::patiently_open(&self.log, &[], position.sequence);
            let Some(session) = stopping.run_until_cancelled(opening).await else {
                return Ok(());
            };
            // After the session was opened: what comes through it follows on what is checked here.
            if !self.verify(position).await? {
                continue;
            }
            match self
                .consume(session, position, &mut apply, &stopping)
                .await?
            {
                Ended::Stopping => return Ok(()),
                Ended::Interrupted => {}
            }
        }
    }

    /// Applies what a session brings until it ends.
    async fn consume(
        &self,
        session: Session,
        mut position: Checkpoint,
        apply: &mut impl Apply,
        stopping: &CancellationToken,
    ) -> Result<Ended, FollowError> {
        // Reading goes on while a batch is written.
        let (sender, mut events) = mpsc::channel(BATCH);
        let reading =
            AbortOnDropHandle::new(tokio::spawn(forward(session, position.sequence, sender)));
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            batch.clear();
            tokio::select! {
                biased;
                () = stopping.cancelled() => return Ok(Ended::Stopping),
                received = events.recv_many(&mut batch, BATCH) => if received == 0 {
                    break;
                },
                () = tokio::time::sleep(CHECK_WHEN_IDLE) => {
                    self.verify(position).await?;
                    continue;
                }
            }
            // What another replica has written meanwhile is passed over.
            while let rest = &batch[batch.partition_point(|e| e.sequence <= position.sequence)..]
                && let Some(first) = rest.first()
            {
                if let Some(to) = self.write(position, rest, apply).await? {
                    position = to;
                    continue;
                }
                position = self.position().await?;
                apply.committed(position.sequence, &[]).await;
                let follows = position.sequence + 1 >= first.sequence;
                if !follows || !self.verify(position).await? {
                    return Ok(Ended::Interrupted);
                }
            }
        }
        match reading.await {
            Ok(Interruption::Damaged(source)) => Err(self.log_failed(source)),
            Ok(Interruption::Lost(reason)) => {
                tracing::debug!(follower = self.name, reason, "reading the event log anew");
                Ok(Ended::Interrupted)
            }
            Err(_) => Ok(Ended::Interrupted),
        }
    }

    /// Writes one batch and says where the rows are then; `None` where the checkpoint no longer
    /// stands at `from`. The events before one that cannot be applied are written all the same.
    async fn write(
        &self,
        from: Checkpoint,
        batch: &[Recorded],
        apply: &mut impl Apply,
    ) -> Result<Option<Checkpoint>, FollowError> {
        let Some(last) = batch.last() else {
            return Ok(Some(from));
        };
        let to = Checkpoint::at(last);
        let wanted: Cow<'_, [Recorded]> = if self.subjects.is_empty() {
            Cow::Borrowed(batch)
        } else {
            batch.iter().filter(|e| self.wants(e)).cloned().collect()
        };
        match self.write_all(from, to, &wanted, apply).await {
            Ok(false) => Ok(None),
            Ok(true) => {
                apply.committed(to.sequence, &wanted).await;
                Ok(Some(to))
            }
            Err(ApplyError::Event {
                sequence,
                event,
                source,
            }) => {
                let before = batch.partition_point(|e| e.sequence < sequence);
                if 0 < before && before < batch.len() {
                    Box::pin(self.write(from, &batch[..before], apply)).await?;
                }
                Err(self.apply_failed(ApplyError::Event {
                    sequence,
                    event,
                    source,
                }))
            }
            Err(source) => Err(self.apply_failed(source)),
        }
    }

    fn wants(&self, event: &Recorded) -> bool {
        let subject = subject::event(&event.aggregate, &event.id, &event.event);
        self.subjects.iter().any(|f| subject::matches(f, &subject))
    }

    /// Writes rows and checkpoint, however often it takes; false where the checkpoint does not
    /// stand at `from`.
    async fn write_all(
        &self,
        from: Checkpoint,
        to: Checkpoint,
        events: &[Recorded],
        apply: &mut impl Apply,
    ) -> Result<bool, ApplyError> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            match self.try_write(from, to, events, apply).await {
                Err(ApplyError::Database(error)) if attempt < ATTEMPTS => {
                    tracing::warn!(follower = self.name, %error, "a batch was not written, trying again");
                }
                result => return result,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            attempt += 1;
            // The commit that failed may have been done all the same.
            if checkpoint::checkpoint(&self.database, &self.name)
                .await
                .ok()
                == Some(to)
            {
                return Ok(true);
            }
        }
    }

    async fn try_write(
        &self,
        from: Checkpoint,
        to: Checkpoint,
        events: &[Recorded],
        apply: &mut impl Apply,
    ) -> Result<bool, ApplyError> {
        let tx = self.database.begin().await?;
        // The checkpoint first: it locks out other replicas before any row is touched.
        if !checkpoint::advance(&tx, &self.name, from, to).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        if !events.is_empty() {
            apply.apply(&tx, events).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Checks that the log still has the event that the rows end with; false where it does not answer.
    async fn verify(&self, position: Checkpoint) -> Result<bool, FollowError> {
        if position.sequence == 0 {
            return Ok(true);
        }
        let reason = match read::at(self.log.context(), position.sequence).await {
            Ok(Some(event)) if Checkpoint::at(&event) == position => return Ok(true),
            Ok(Some(_)) => "the log has another event there",
            Ok(None) => "the log no longer has the event there",
            Err(LogError::Damaged(_)) => "what the log has there is not an event",
            Err(error) => {
                tracing::warn!(follower = self.name, %error, "cannot verify the event log");
                return Ok(false);
            }
        };
        Err(FollowError::LogChanged {
            follower: self.name.clone(),
            sequence: position.sequence,
            reason: reason.to_owned(),
        })
    }

    async fn position(&self) -> Result<Checkpoint, FollowError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            match checkpoint::checkpoint(&self.database, &self.name).await {
                Ok(position) => return Ok(position),
                Err(error) => {
                    tracing::warn!(follower = self.name, %error, "cannot read the checkpoint, trying again");
                }
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        checkpoint::checkpoint(&self.database, &self.name)
            .await
            .map_err(|e| self.apply_failed(e.into()))
    }

    fn apply_failed(&self, source: ApplyError) -> FollowError {
        FollowError::Apply {
            follower: self.name.clone(),
            source,
        }
    }

    fn log_failed(&self, source: LogError) -> FollowError {
        FollowError::Log {
            follower: self.name.clone(),
            source,
        }
    }
}

/// Why consuming ended without an error.
enum Ended {
    Stopping,
    Interrupted,
}

/// Passes on the events past `last` until the session ends, and says why it did.
async fn forward(
    mut session: Session,
    mut last: u64,
    events: mpsc::Sender<Recorded>,
) -> Interruption {
    loop {
        match session.next().await {
            // The server passes over what it cannot read any more, without a word; nothing is ever deleted.
            Ok(event) if event.sequence != last + 1 => {
                let (missing, next) = (last + 1, event.sequence);
                let gap = format!("event {missing} is missing, the next is {next}");
                return Interruption::Damaged(LogError::Damaged(gap));
            }
            Ok(event) => {
                last = event.sequence;
                if events.send(event).await.is_err() {
                    return Interruption::Lost("nobody reads any more".to_owned());
                }
            }
            Err(interruption) => return interruption,
        }
    }
}

/// Events per transaction: enough that the sync at its end costs little for each.
const BATCH: usize = 1_000;

/// How soon a log that went backwards is noticed while nothing happens.
const CHECK_WHEN_IDLE: Duration = Duration::from_secs(2);

/// Tries of a batch that the database does not take.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
