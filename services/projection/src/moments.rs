//! The tables as they were: the log up to an event, replayed into a database that is thrown away. A few moments are
//! kept; who asks for one that is being made waits for it, and does not make it again.
//!
//! Events themselves are not among these tables: those up to the moment are in the served ones.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use api::projection::v1::Overview;
use eventlog::{EventLog, LogError, checkpoint::Checkpoint};
use runtime::database::scratch;
use sea_orm::{DatabaseConnection, DbErr};
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

use crate::{
    follow::{
        Rows,
        replay::{Replay, ReplayError},
    },
    query::overview,
    refusal::Refusal,
    skipped::Skipped,
    tables::migration,
};

/// Makes and keeps moments. Clones share them.
#[derive(Clone)]
pub struct Moments(Arc<Inner>);

struct Inner {
    log: EventLog,
    folder: PathBuf,
    kept: Mutex<Vec<Kept>>,
    next: AtomicU64,
    /// One is made at a time: each takes a processor.
    turn: Semaphore,
}

/// A moment that is there, or is being made.
struct Kept {
    sequence: u64,
    used: Instant,
    made: watch::Receiver<Making>,
}

#[derive(Clone)]
enum Making {
    At(u64),
    Made(Arc<Moment>),
    Failed(Arc<MomentError>),
}

/// The tables as of one event.
pub struct Moment {
    /// That event; 0 for none at all.
    pub sequence: u64,
    /// Where to ask.
    pub database: DatabaseConnection,
    file: PathBuf,
    bytes: u64,
    reached: Checkpoint,
    /// What was counted of it, and for which time.
    counted: tokio::sync::Mutex<Option<(i64, Overview)>>,
}

/// A moment that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MomentError {
    /// The log could not be replayed.
    #[error("the log could not be replayed up to there")]
    Replay(#[from] ReplayError),
    /// Nor be read.
    #[error("the log did not answer")]
    Log(#[from] LogError),
    /// There is no room for it.
    #[error("there is no place for it")]
    Place(#[from] io::Error),
    /// Its database failed.
    #[error("its database did not do what it was told")]
    Database(#[from] DbErr),
}

impl Moments {
    /// Keeps them in this folder, which is emptied first.
    ///
    /// # Errors
    /// Where it cannot be.
    pub fn new(log: EventLog, folder: PathBuf) -> io::Result<Self> {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(&folder)?;
        let inner = Arc::new(Inner {
            log,
            folder,
            kept: Mutex::default(),
            next: AtomicU64::new(1),
            turn: Semaphore::new(1),
        });
        tokio::spawn(forget_unused(Arc::downgrade(&inner)));
        Ok(Self(inner))
    }

    /// The tables as of this event, which is in the log; waits for at most `patience`, while they are made.
    ///
    /// # Errors
    /// [`Refusal::NotYetMade`] after that: they will be there later. [`Refusal::Moment`] where they cannot be made.
    pub async fn at(&self, sequence: u64, patience: Duration) -> Result<Arc<Moment>, Refusal> {
        let mut made = self.0.clone().begun(sequence);
        let over = made.wait_for(|made| !matches!(made, Making::At(_)));
        let over = tokio::time::timeout(patience, over).await;
        let over = over.map(|made| made.map(|made| made.clone()));
        let now = match over {
            Ok(Ok(made)) => made,
            // Its maker broke off.
            Ok(Err(_)) => Making::At(0),
            Err(_) => made.borrow().clone(),
        };
        match now {
            Making::Made(moment) => Ok(moment),
            Making::At(position) => Err(Refusal::NotYetMade { sequence, position }),
            Making::Failed(error) => Err(Refusal::Moment(error)),
        }
    }
}

impl Inner {
    /// The moment, whose making begins where it is not there.
    fn begun(self: Arc<Self>, sequence: u64) -> watch::Receiver<Making> {
        let mut kept = self.kept();
        let now = Instant::now();
        kept.retain(|one| {
            let over = one.made.has_changed().is_err();
            // What failed, or broke off, is tried again.
            !over || matches!(*one.made.borrow(), Making::Made(_))
        });
        if let Some(one) = kept.iter_mut().find(|one| one.sequence == sequence) {
            one.used = now;
            return one.made.clone();
        }
        let (sender, made) = watch::channel(Making::At(0));
        kept.push(Kept {
            sequence,
            used: now,
            made: made.clone(),
        });
        fit(&mut kept);
        let base = nearest(&kept, sequence);
        drop(kept);
        tokio::spawn(async move {
            let result = self.make(sequence, base, &sender).await;
            sender.send_replace(match result {
                Ok(moment) => Making::Made(Arc::new(moment)),
                Err(error) => {
                    tracing::error!(sequence, %error, "the tables of a moment were not made");
                    Making::Failed(Arc::new(error))
                }
            });
            fit(&mut self.kept());
        });
        made
    }

    async fn make(
        &self,
        sequence: u64,
        base: Option<Arc<Moment>>,
        shown: &watch::Sender<Making>,
    ) -> Result<Moment, MomentError> {
        // Never closed.
        let _turn = self.turn.acquire().await;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let file = self.folder.join(format!("{number}.sqlite"));
        let made = self.write(&file, sequence, base, shown).await;
        let made = match made {
            Ok(reached) => open(&file, sequence, reached).await,
            Err(error) => Err(error),
        };
        if made.is_err() {
            // What is not removed now is at the next start.
            let _ = fs::remove_file(&file);
        }
        made
    }

    async fn write(
        &self,
        file: &Path,
        sequence: u64,
        base: Option<Arc<Moment>>,
        shown: &watch::Sender<Making>,
    ) -> Result<Checkpoint, MomentError> {
        let replay = Replay {
            log: self.log.clone(),
            skipped: Skipped::load(&self.log).await?,
            rows: Rows::WithoutEvents,
        };
        let after = match &base {
            Some(base) => {
                tokio::fs::copy(&base.file, file).await?;
                base.reached
            }
            None => Checkpoint::default(),
        };
        let writer = scratch::writer(file).await?;
        if base.is_none() {
            migration::make(&writer).await?;
        }
        let passed = |events: &[eventlog::Recorded]| {
            let position = events.last().map_or(0, |last| last.sequence);
            shown.send_replace(Making::At(position));
        };
        let reached = replay.run(&writer, after, sequence, passed).await?;
        if base.is_none() {
            migration::index(&writer).await?;
        }
        writer.close().await?;
        Ok(reached)
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        // It is whole at any time.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn open(file: &Path, sequence: u64, reached: Checkpoint) -> Result<Moment, MomentError> {
    Ok(Moment {
        sequence,
        database: scratch::reader(file).await?,
        bytes: fs::metadata(file)?.len(),
        file: file.to_path_buf(),
        reached,
        counted: tokio::sync::Mutex::default(),
    })
}

impl Moment {
    /// What all have to be looked at for, at this time (microseconds since 1970): once for each time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn counted(&self, now: i64) -> Result<Overview, DbErr> {
        let mut counted = self.counted.lock().await;
        if let Some((at, overview)) = counted.as_ref()
            && *at == now
        {
            return Ok(overview.clone());
        }
        let overview = overview::counted(&self.database, now).await?;
        *counted = Some((now, overview.clone()));
        Ok(overview)
    }
}

impl Drop for Moment {
    fn drop(&mut self) {
        // Who still reads it holds it open; what is not removed now is at the next start.
        let _ = fs::remove_file(&self.file);
    }
}

/// The latest moment that is kept before this one, where it is nearer than the log's beginning: rows that have indices
/// already are written more slowly.
fn nearest(kept: &[Kept], sequence: u64) -> Option<Arc<Moment>> {
    let made = kept.iter().filter_map(|one| match &*one.made.borrow() {
        Making::Made(moment) => Some(moment.clone()),
        Making::At(_) | Making::Failed(_) => None,
    });
    made.filter(|moment| moment.sequence < sequence)
        .filter(|moment| (sequence - moment.sequence).saturating_mul(SLOWER) < sequence)
        .max_by_key(|moment| moment.sequence)
}

/// Forgets those that were not used for the longest time, until the others are few and small enough.
fn fit(kept: &mut Vec<Kept>) {
    let bytes = |one: &Kept| match &*one.made.borrow() {
        Making::Made(moment) => moment.bytes,
        Making::At(_) | Making::Failed(_) => 0,
    };
    kept.sort_by_key(|one| std::cmp::Reverse(one.used));
    let (mut count, mut size) = (0, 0);
    kept.retain(|one| {
        count += 1;
        size += bytes(one);
        // What is asked for now is kept, however large it is.
        count == 1 || (count <= MOMENTS && size <= BYTES)
    });
}

/// Forgets what nobody has asked for in a while.
async fn forget_unused(moments: std::sync::Weak<Inner>) {
    loop {
        tokio::time::sleep(FORGET_EVERY).await;
        let Some(moments) = moments.upgrade() else {
            return;
        };
        moments.kept().retain(|one| one.used.elapsed() < UNUSED);
    }
}

/// How many are kept.
const MOMENTS: usize = 3;

/// How many bytes they take together.
const BYTES: u64 = 2 << 30;

/// For how long one is kept that nobody asks for.
const UNUSED: Duration = Duration::from_secs(15 * 60);
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// By how much rows with indices are written more slowly than rows without.
const SLOWER: u64 = 3;
