//! Room for what services do by themselves, when people have filled the log.

use std::{
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
}

impl Space {
    pub fn new(info: &Info) -> Self {
        Self {
            nearly_full: AtomicBool::new(nearly_full(info)),
            asked: Mutex::new(Instant::now()),
        }
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
        !origin.actor.starts_with("service/") && self.space().nearly_full.load(Ordering::Relaxed)
    }
}

fn nearly_full(info: &Info) -> bool {
    u64::try_from(info.config.max_bytes)
        .is_ok_and(|limit| limit > 0 && info.state.bytes >= limit / 10 * 9)
}

const ASK_EVERY: Duration = Duration::from_secs(5);
