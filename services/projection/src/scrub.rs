//! The log is read through now and then, and held against what was recorded of each event when it came: what nobody asks
//! for is read nowhere else, and a disk that forgets says nothing.
//!
//! Whether it is another log altogether is the follower's to tell, who keeps the newest event's hash; here the events
//! before that one are looked at.

pub mod damage;

use std::time::{Duration, Instant};

use api::projection::v1::{Following, LogFinding};
use eventlog::{
    EventLog, LogError,
    proof::{Head, Note, NoteKey, Verifier},
};
use runtime::Clock;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::damage::Found;
use crate::{
    beside::Beside,
    query::{
        checkpoints,
        tree::{self, TreeError},
    },
    served::Served,
    tables::checkpoint,
};

/// Reads the log through. Clones share what came of it.
#[derive(Clone)]
pub struct Scrubber {
    log: EventLog,
    served: Served,
    clock: Clock,
    last: watch::Sender<Option<Scrubbed>>,
}

/// What came of the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrubbed {
    /// How far it was.
    pub position: u64,
    /// When it ended.
    pub at: OffsetDateTime,
    /// What does not fit.
    pub found: Found,
}

/// The log was not read through.
#[derive(Debug, thiserror::Error)]
pub enum ScrubError {
    /// The tables do not tell what was recorded.
    #[error("the tree over the log cannot be read")]
    Tree(#[from] TreeError),
    /// It does not answer, or not take what was found.
    #[error("the event log did not answer")]
    Log(#[from] LogError),
    /// It was read twice, and was not the same.
    #[error("what does not fit was something else at a second look")]
    Unsteady,
}

/// The log's last events are not those that were recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the event log is damaged: {0}; restore it from a backup (\"The log is damaged\" in operate.md), \
     or start without this look, with projection.scrub_tail_events = 0"
)]
pub struct Damaged(pub Found);

impl Scrubber {
    /// Holds this log against these tables.
    pub fn new(log: EventLog, served: Served, clock: Clock) -> Self {
        Self {
            log,
            served,
            clock,
            last: watch::Sender::new(None),
        }
    }

    /// What came of the last time; nothing before the first.
    pub fn last(&self) -> Option<Scrubbed> {
        self.last.borrow().clone()
    }

    /// Holds the last `events` against what was recorded of them, however long the log is away.
    ///
    /// # Errors
    /// [`Damaged`], where the newest one is as it was, and not all before it.
    pub async fn tail(&self, events: u64) -> Result<(), Damaged> {
        loop {
            match self.look_at_tail(events).await {
                Ok(found) if found.is_nothing() => return Ok(()),
                Ok(found) => return Err(Damaged(found)),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot look at the log's last events, trying again"
                    );
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn look_at_tail(&self, events: u64) -> Result<Found, ScrubError> {
        let position = self.served.position().now();
        if events == 0 || position == 0 {
            return Ok(Found::default());
        }
        let leaves = tree::leaves(&self.served.database(), position, position).await?;
        let newest = self.log.stored_at(position).await?;
        let is_ours = newest.map(|event| event.leaf()) == tree::leaf(&leaves, position);
        if !is_ours {
            return Ok(Found::default());
        }
        let after = position.saturating_sub(events);
        self.look_twice(after, position, Pace::Quick).await
    }

    /// Reads the log through soon, and then each time that `every` has passed, until `stopping`.
    pub async fn keep_scrubbing(self, every: Duration, stopping: CancellationToken) {
        let work = async {
            let mut pause = every.min(SOON);
            loop {
                self.clock.sleep(pause).await;
                pause = match self.scrub().await {
                    Ok(_) => every,
                    Err(error) => {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "the log was not read through, trying again"
                        );
                        every.min(SOON)
                    }
                };
            }
        };
        stopping.run_until_cancelled(work).await;
    }

    /// Reads all of the log that the tables hold, and says in it what came of that, where it has changed.
    ///
    /// # Errors
    /// [`ScrubError`].
    pub async fn scrub(&self) -> Result<Scrubbed, ScrubError> {
        self.caught_up().await?;
        let position = self.served.position().now();
        let found = self.look_twice(0, position, Pace::Gentle).await?;
        if !found.is_nothing() {
            tracing::error!(
                position,
                findings = %found,
                "the event log is damaged: restore it from a backup"
            );
        }
        let scrubbed = Scrubbed {
            position,
            at: self.clock.now(),
            found,
        };
        self.last.send_replace(Some(scrubbed.clone()));
        if self.is_ours(position).await? {
            damage::say(&self.log, &self.clock, position, &scrubbed.found).await?;
        } else {
            tracing::error!("and it ends before the tables do: nothing is said in it of that");
        }
        Ok(scrubbed)
    }

    /// Whether the log goes on from what the tables hold. In one that was cut off, what is appended takes the places of
    /// events that are lost.
    async fn is_ours(&self, position: u64) -> Result<bool, ScrubError> {
        let follows = self.served.position().following() != Following::LogChanged;
        Ok(follows && self.log.last_sequence().await? >= position)
    }

    /// Tables that are far behind the log have other things to do.
    async fn caught_up(&self) -> Result<(), ScrubError> {
        while self.served.position().following() == Following::On
            && self.served.position().now() + BEHIND < self.log.last_sequence().await?
        {
            tokio::time::sleep(AGAIN).await;
        }
        Ok(())
    }

    /// What does not fit is looked at once more: a server of a cluster may lag behind for a moment.
    async fn look_twice(&self, after: u64, through: u64, pace: Pace) -> Result<Found, ScrubError> {
        let found = self.look(after, through, pace).await?;
        if found.is_nothing() {
            return Ok(found);
        }
        tokio::time::sleep(AGAIN).await;
        match self.look(after, through, pace).await? {
            again if again == found || again.is_nothing() => Ok(again),
            _ => Err(ScrubError::Unsteady),
        }
    }

    async fn look(&self, after: u64, through: u64, pace: Pace) -> Result<Found, ScrubError> {
        let mut verifier = Verifier::by_leaves(after);
        let mut beside = Beside::new(&self.log, after, through);
        let mut unsigned = Vec::new();
        loop {
            let began = Instant::now();
            // Others may be served by now, which hold the same.
            let database = self.served.database();
            let some = beside.some(&database).await?;
            let (Some(first), Some(last)) = (some.first(), some.last()) else {
                break;
            };
            if after == 0 {
                let rows = checkpoints::between(&database, first.sequence, last.sequence).await;
                for row in rows.map_err(TreeError::from)? {
                    match signed_head(&row) {
                        Some(head) => verifier.expect(&head),
                        None => unsigned.push(LogFinding {
                            first: row.sequence.cast_unsigned(),
                            last: row.sequence.cast_unsigned(),
                            what: format!("the checkpoint over {} events is not signed", row.size),
                        }),
                    }
                }
            }
            for one in some {
                match (one.event, one.leaf) {
                    (Some(event), leaf) => verifier.take(event, leaf),
                    (None, Some(leaf)) => verifier.miss(leaf),
                    // The next one that is there tells that it is missing.
                    (None, None) => {}
                }
            }
            if pace == Pace::Gentle {
                tokio::time::sleep(began.elapsed() * REST).await;
            }
        }
        Ok(Found::of(&verifier.finish(), unsigned))
    }
}

/// How much of the machine a look may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// All that it can: somebody waits for it.
    Quick,
    /// A part: nobody does.
    Gentle,
}

/// What a checkpoint vouches for, where it is signed.
fn signed_head(row: &checkpoint::Model) -> Option<Head> {
    let note = Note::parse(&row.note).ok()?;
    let key = NoteKey::parse(&row.verifier_key).ok()?;
    note.is_signed_by(&key).then_some(note.head)
}

/// From the start to the first time: until then there is enough to do.
const SOON: Duration = Duration::from_secs(60);

const AGAIN: Duration = Duration::from_secs(1);

/// So much longer than it works a gentle look rests.
const REST: u32 = 2;

/// Tables that are further behind the log than this catch up first.
const BEHIND: u64 = 1_000;
