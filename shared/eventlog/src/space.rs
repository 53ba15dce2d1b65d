//! Room for what services do by themselves, when people have filled the log.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::jetstream::stream::Info;

use crate::{envelope::Origin, log::EventLog};

/// How full the log is, as of a few seconds ago: asking before each append would double its price.
pub(crate) struct Space {
    nearly_full: AtomicBool,
    asked: Mutex<Instant>,
    /// Where the server keeps it, if that is on this machine.
    store: Option<PathBuf>,
}

impl Space {
    pub fn new(info: &Info, store: Option<PathBuf>) -> Self {
        Self {
            store,
            nearly_full: AtomicBool::new(nearly_full(info)),
            asked: Mutex::new(Instant::now()),
        }
    }

    /// The disk is all but full. This is asked each time: others fill it as fast as they like, and a server that met its
    /// end answers nothing any more.
    fn disk_is_full(&self) -> bool {
        let free = self.store.as_deref().and_then(free);
        free.is_some_and(|free| free < RESERVE)
    }

    /// Whether it is time to ask again; true for one caller only.
    fn is_due(&self) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let due = asked.elapsed() > ASK_EVERY;
        if due {
            *asked = Instant::now();
        }
        due
    }
}

impl EventLog {
    /// Whether this command must wait for space: the last tenth is for what the services do by
    /// themselves, so that certificates are renewed while people are asked to make room.
    pub(crate) fn has_no_space_for(&self, origin: &Origin) -> bool {
        if self.space().is_due() {
            let log = self.clone();
            tokio::spawn(async move {
                match log.info().await {
                    Ok(info) => log
                        .space()
                        .nearly_full
                        .store(nearly_full(&info), Ordering::Relaxed),
                    Err(error) => tracing::warn!(%error, "cannot see how full the event log is"),
                }
            });
        }
        let space = self.space();
        let full = space.nearly_full.load(Ordering::Relaxed) || space.disk_is_full();
        full && !origin.actor.starts_with("service/")
    }
}

/// Bytes that are free on the disk of this folder; `None` where that cannot be told.
pub fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Below so many free bytes of the log's disk, commands of people are refused: what is left is for what services do by
/// themselves, for databases, and for a clean stop.
pub const RESERVE: u64 = 64 << 20;

fn nearly_full(info: &Info) -> bool {
    u64::try_from(info.config.max_bytes)
        .is_ok_and(|limit| limit > 0 && info.state.bytes >= limit / 10 * 9)
}

const ASK_EVERY: Duration = Duration::from_secs(5);
