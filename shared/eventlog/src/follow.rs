//! Rows kept from events: each event takes effect on them once.
//!
//! A follower reads the whole log and passes over what it was not asked for, so that where it stands
//! can be held against any position that a command answered. What costs is a commit, however many events
//! are in it: those that come close behind each other share one, and what changes no row waits for one.

mod error;
mod rows;

use std::time::Duration;

use sea_orm::{DatabaseConnection, DatabaseTransaction};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

pub use self::error::{ApplyError, FollowError};
use self::rows::Place;
use crate::{
    checkpoint::{self, Checkpoint},
    envelope::Recorded,
    error::LogError,
    log::EventLog,
    read,
    session::{Interruption, Session},
    tail,
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

    /// Called at the start, after each commit, and where events of other kinds were passed over: rows are
    /// as of `position`. `events` are those that this follower applied; there may be none, where it passed
    /// over all, or another replica wrote the rows.
    async fn committed(&mut self, position: u64, events: &[Recorded]) {
        let _ = (position, events);
    }
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
        let _running = self.log.standings().begin(&self.name);
        loop {
            let position = self.position().await?;
            // Another replica may have brought the rows there.
            self.committed(position.sequence, &[], &mut apply).await;
            let opening = tail::patiently_open(&self.log, &[], position.sequence);
            let Some(session) = stopping.run_until_cancelled(opening).await else {
                return Ok(());
            };
            // After the session was opened: what comes through it follows on what is checked here.
            if !self.verify(position).await? {
                continue;
            }
            match self
                .consume(session, Place::kept(position), &mut apply, &stopping)
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
        mut place: Place,
        apply: &mut impl Apply,
        stopping: &CancellationToken,
    ) -> Result<Ended, FollowError> {
        // Reading goes on while a batch is written.
        let (sender, mut events) = mpsc::channel(BATCH);
        let first = place.reached.sequence;
        let reading = AbortOnDropHandle::new(tokio::spawn(forward(session, first, sender)));
        let mut batch = Vec::with_capacity(BATCH);
        let mut turn = Instant::now();
        loop {
            batch.clear();
            tokio::select! {
                biased;
                () = stopping.cancelled() => {
                    self.keep(&mut place).await;
                    return Ok(Ended::Stopping);
                }
                () = tokio::time::sleep_until(turn) => {}
            }
            tokio::select! {
                biased;
                () = stopping.cancelled() => continue,
                received = events.recv_many(&mut batch, BATCH) => if received == 0 {
                    break;
                },
                () = tokio::time::sleep(CHECK_WHEN_IDLE) => {
                    if self.verify(place.reached).await? {
                        self.keep(&mut place).await;
                    }
                    continue;
                }
            }
            // Whoever is far behind does not wait.
            if batch.len() < BATCH {
                turn = Instant::now() + BETWEEN_BATCHES;
            }
            // What another replica has written meanwhile is passed over.
            while let reached = place.reached.sequence
                && let rest = &batch[batch.partition_point(|e| e.sequence <= reached)..]
                && let Some(first) = rest.first()
            {
                if let Some(to) = self.write(place, rest, apply).await? {
                    place = to;
                    continue;
                }
                let position = self.position().await?;
                place = Place::kept(position);
                self.committed(position.sequence, &[], apply).await;
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

/// From a batch to the next, where events keep coming: short for who waits to read what he wrote.
const BETWEEN_BATCHES: Duration = Duration::from_millis(10);

/// How soon a log that went backwards is noticed while nothing happens.
const CHECK_WHEN_IDLE: Duration = Duration::from_secs(2);

/// Tries of a batch that the database does not take.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
