//! Works off the open orders, a few at a time.

use std::{collections::HashMap, sync::Arc, time::Duration};

use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use time::OffsetDateTime;
use tokio::{
    sync::Notify,
    task::{Id, JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    order::{Interrupted, Orders, Outcome},
    outbox::{self, Open},
};

/// Takes orders out of the outbox and has them worked on.
pub struct Worker {
    /// Does the work.
    pub orders: Arc<Orders>,
    /// Where the outbox is.
    pub database: DatabaseConnection,
    /// The time.
    pub clock: Clock,
    /// How many orders at a time.
    pub at_a_time: usize,
    /// Notified when there may be something new to do.
    pub changed: Arc<Notify>,
    /// Told when an order is put off: another may begin in its place.
    pub put_off: Arc<Notify>,
}

impl Worker {
    /// Works until `stopping`; then lets each order come to a point where it can be left.
    pub async fn run(self, stopping: CancellationToken) {
        let mut tasks = JoinSet::new();
        let mut running = HashMap::new();
        let mut waiting = Waiting::default();
        while !stopping.is_cancelled() {
            waiting.wake(self.clock.now());
            let wake = match self.fill(&mut tasks, &mut running, &waiting).await {
                Ok(due) => waiting.next().into_iter().chain(due).min(),
                Err(error) => {
                    // A full disk, for example: what runs goes on, and the rest is asked for again.
                    tracing::error!(error = chain(&error), "cannot read the open orders");
                    Some(self.clock.now() + DATABASE_PAUSE)
                }
            };
            tokio::select! {
                () = stopping.cancelled() => {}
                () = self.changed.notified() => {}
                () = sleep_until(&self.clock, wake) => {}
                Some(joined) = tasks.join_next_with_id() => {
                    self.settle(joined, &mut running, &mut waiting).await;
                }
            }
        }
        while let Some(joined) = tasks.join_next_with_id().await {
            self.settle(joined, &mut running, &mut waiting).await;
        }
    }

    /// Begins as many orders as may run beside those that do: when to look again, at the latest.
    async fn fill(
        &self,
        tasks: &mut JoinSet<Result<Outcome, Interrupted>>,
        running: &mut HashMap<Id, Open>,
        waiting: &Waiting,
    ) -> Result<Option<OffsetDateTime>, DbErr> {
        let free = self.at_a_time.saturating_sub(running.len());
        if free == 0 {
            // The end of one of them is waited for.
            return Ok(None);
        }
        let busy = running.values().map(|open| open.cause);
        let but = busy.chain(waiting.causes()).collect::<Vec<_>>();
        let now = self.clock.now();
        for open in outbox::oldest(&self.database, &but, now, free as u64).await? {
            let span = tracing::info_span!("order", automation = %open.automation);
            let work = {
                let (orders, open) = (self.orders.clone(), open.clone());
                async move { orders.pursue(&open).await }
            };
            let task = tasks.spawn(work.instrument(span));
            running.insert(task.id(), open);
        }
        outbox::next_due(&self.database, now).await
    }

    /// Takes note of what came of an order.
    async fn settle(
        &self,
        joined: Result<(Id, Result<Outcome, Interrupted>), JoinError>,
        running: &mut HashMap<Id, Open>,
        waiting: &mut Waiting,
    ) {
        let (id, outcome) = match joined {
            Ok((id, outcome)) => (id, Ok(outcome)),
            Err(broken) => (broken.id(), Err(broken)),
        };
        let Some(open) = running.remove(&id) else {
            return;
        };
        let automation = open.automation;
        match outcome {
            Ok(Ok(Outcome::Over)) => {
                waiting.forget(open.cause);
                if let Err(error) = outbox::close(&self.database, &open).await {
                    // The follower takes it out as well, a moment later.
                    waiting.until(open.cause, self.clock.now() + DATABASE_PAUSE);
                    tracing::warn!(%automation, error = chain(&error), "cannot close the order");
                }
            }
            Ok(Ok(Outcome::Elsewhere(until))) => waiting.until(open.cause, until),
            Ok(Ok(Outcome::Later(until))) => {
                waiting.forget(open.cause);
                if let Err(error) = outbox::postpone(&self.database, &open, until).await {
                    waiting.until(open.cause, self.clock.now() + DATABASE_PAUSE);
                    tracing::warn!(%automation, error = chain(&error), "cannot put the order off");
                }
                self.put_off.notify_one();
            }
            // It goes on at the next start.
            Ok(Err(Interrupted::Stopping)) => {}
            Ok(Err(interrupted)) => {
                let pause = waiting.again(open.cause, self.clock.now());
                tracing::warn!(%automation, error = chain(&interrupted), ?pause, "order interrupted");
            }
            Err(broken) => {
                let pause = waiting.again(open.cause, self.clock.now());
                tracing::error!(%automation, error = %broken, ?pause, "order broke off");
            }
        }
    }
}

/// Orders that are to be left alone for a while, by their cause.
#[derive(Default)]
struct Waiting {
    due: HashMap<Uuid, OffsetDateTime>,
    tries: HashMap<Uuid, u32>,
}

impl Waiting {
    fn causes(&self) -> impl Iterator<Item = Uuid> {
        self.due.keys().copied()
    }

    fn until(&mut self, cause: Uuid, until: OffsetDateTime) {
        self.tries.remove(&cause);
        self.due.insert(cause, until);
    }

    /// After an interruption: for longer each time.
    fn again(&mut self, cause: Uuid, now: OffsetDateTime) -> Duration {
        let tries = self.tries.entry(cause).or_default();
        let pause = FIRST_PAUSE * 2_u32.pow((*tries).min(10));
        let pause = pause.min(LONGEST_PAUSE);
        *tries += 1;
        self.due.insert(cause, now + pause);
        pause
    }

    fn forget(&mut self, cause: Uuid) {
        self.tries.remove(&cause);
        self.due.remove(&cause);
    }

    /// Those whose time has come may be taken again.
    fn wake(&mut self, now: OffsetDateTime) {
        self.due.retain(|_, due| *due > now);
    }

    fn next(&self) -> Option<OffsetDateTime> {
        self.due.values().min().copied()
    }
}

/// Waits until then; for good, where there is nothing to wait for.
pub(crate) async fn sleep_until(clock: &Clock, until: Option<OffsetDateTime>) {
    match until {
        Some(until) => clock.sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// An error with all its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |e| e.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A database that does not answer is asked again after this.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn an_interrupted_order_waits_longer_each_time() {
        let now = datetime!(2026-01-01 00:00 UTC);
        let (cause, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut waiting = Waiting::default();
        let pauses = [(); 10].map(|()| waiting.again(cause, now).as_millis());
        assert_eq!(pauses[..4], [500, 1_000, 2_000, 4_000]);
        assert_eq!(pauses[9], 60_000);
        waiting.until(other, now + Duration::from_secs(1));
        assert_eq!(waiting.next(), Some(now + Duration::from_secs(1)));
        waiting.wake(now + Duration::from_secs(1));
        assert_eq!(waiting.causes().collect::<Vec<_>>(), [cause]);
        waiting.forget(cause);
        assert_eq!(waiting.next(), None);
        assert_eq!(waiting.again(cause, now), FIRST_PAUSE);
    }
}
