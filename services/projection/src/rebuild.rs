//! The tables anew, beside those that are served, while questions are answered: replay, then indices, then what came
//! meanwhile, then one row changes. What is broken off is removed, here or at the next start.

use std::sync::{Arc, Mutex, PoisonError};

use api::projection::v1::RebuildPhase;
use eventlog::{EventLog, LogError, checkpoint::Checkpoint};
use sea_orm::DbErr;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    follow::{
        Rows,
        replay::{Replay, ReplayError},
    },
    keeper::Switch,
    skipped::Skipped,
    store::{Building, Store, StoreError},
    tables::migration,
};

/// Rebuilds one at a time. Clones share it.
#[derive(Clone)]
pub struct Rebuilds(Arc<Inner>);

struct Inner {
    log: EventLog,
    store: Store,
    switches: mpsc::Sender<Switch>,
    stopping: CancellationToken,
    running: Mutex<Option<watch::Receiver<Progress>>>,
}

/// How far a rebuild is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// What it does.
    pub phase: RebuildPhase,
    /// The new tables hold the log up to this event.
    pub position: u64,
    /// The log's last event.
    pub last: u64,
    /// Why it ended otherwise than by being served.
    pub failed: Option<Arc<RebuildError>>,
}

/// The tables were not made anew: those before are served as ever.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The log could not be replayed.
    #[error("the log could not be replayed")]
    Replay(#[from] ReplayError),
    /// Its length is not known.
    #[error("the log did not answer")]
    Log(#[from] LogError),
    /// The new tables have no place.
    #[error("the new tables cannot be kept")]
    Store(#[from] StoreError),
    /// They did not take their indices.
    #[error("the database did not do what it was told")]
    Database(#[from] DbErr),
    /// Another replica was faster.
    #[error("another replica has made the tables anew meanwhile")]
    Elsewhere,
    /// The service is going down.
    #[error("the projection is stopping: the rebuild begins again when it is asked for again")]
    Stopping,
}

impl Rebuilds {
    /// What is built goes to `switches` to be served.
    pub fn new(
        log: EventLog,
        store: Store,
        switches: mpsc::Sender<Switch>,
        stopping: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            log,
            store,
            switches,
            stopping,
            running: Mutex::default(),
        }))
    }

    /// Begins one, or joins the one that runs. It goes on when nobody looks any more.
    pub fn begin(&self) -> watch::Receiver<Progress> {
        let running = self.0.running.lock();
        let mut running = running.unwrap_or_else(PoisonError::into_inner);
        if let Some(progress) = running.as_ref()
            // Its sender is there until it has ended.
            && progress.has_changed().is_ok()
        {
            return progress.clone();
        }
        let (progress, seen) = watch::channel(Progress {
            phase: RebuildPhase::Replaying,
            position: 0,
            last: 0,
            failed: None,
        });
        *running = Some(seen.clone());
        let inner = self.0.clone();
        tokio::spawn(async move {
            let stopping = inner.stopping.clone();
            let rebuilt = tokio::select! {
                rebuilt = inner.rebuild(&progress) => rebuilt,
                () = stopping.cancelled() => Err(RebuildError::Stopping),
            };
            progress.send_modify(|progress| match rebuilt {
                Ok(position) => {
                    progress.phase = RebuildPhase::Served;
                    progress.position = position;
                    progress.last = progress.last.max(position);
                }
                Err(error) => {
                    tracing::error!(%error, "the tables were not made anew");
                    progress.failed = Some(Arc::new(error));
                }
            });
        });
        seen
    }
}

impl Inner {
    async fn rebuild(&self, progress: &watch::Sender<Progress>) -> Result<u64, RebuildError> {
        let building = self.store.make().await?;
        let (number, writer) = (building.number, building.writer.clone());
        let built = self.fill(building, progress).await;
        if built.is_err() {
            // Closed already, where it had come so far.
            let _ = writer.close().await;
            self.store.remove(number).await?;
        }
        let (replay, reached) = built?;
        // Once it is asked to be served it is the keeper's, who removes it where it cannot be.
        let place = self.store.open(number).await?;
        let (done, served) = oneshot::channel();
        let switch = Switch {
            place,
            reached,
            replay,
            done,
        };
        let asked = self.switches.send(switch).await;
        asked.map_err(|_| RebuildError::Stopping)?;
        served.await.map_err(|_| RebuildError::Stopping)?
    }

    /// All rows and indices, and nearly all that came meanwhile.
    async fn fill(
        &self,
        building: Building,
        progress: &watch::Sender<Progress>,
    ) -> Result<(Replay, Checkpoint), RebuildError> {
        let replay = Replay {
            log: self.log.clone(),
            skipped: Skipped::load(&self.log).await?,
            rows: Rows::All,
        };
        let show = |phase, position, last| {
            progress.send_modify(|progress| {
                progress.phase = phase;
                progress.position = position;
                progress.last = last;
            });
        };
        let mut phase = RebuildPhase::Replaying;
        let mut reached = Checkpoint::default();
        loop {
            let last = self.log.last_sequence().await?;
            show(phase, reached.sequence, last);
            let passed = |events: &[eventlog::Recorded]| {
                let position = events.last().map_or(0, |last| last.sequence);
                show(phase, position, last);
            };
            reached = replay.run(&building.writer, reached, last, passed).await?;
            if phase == RebuildPhase::Replaying {
                show(RebuildPhase::Indexing, reached.sequence, last);
                migration::index(&building.writer).await?;
                phase = RebuildPhase::CatchingUp;
            } else if self.log.last_sequence().await?.saturating_sub(last) < NEARLY {
                break;
            }
        }
        self.store.settle(building).await?;
        Ok((replay, reached))
    }
}

/// So many events are written while nobody notices that nothing is followed.
const NEARLY: u64 = 1_000;
