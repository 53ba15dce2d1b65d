//! Begins by itself what is due: renewals, retries, and what takes the place of a revoked certificate.
//!
//! A follower of the log keeps a row for each automation in [`agendas`], with the time when it next
//! begins something. The timer sleeps until the earliest of them, and appends `renewal-started` for what
//! is due. That append is the lock: of several agents one is first, and the others are refused.
//!
//! What is begun becomes an order of the [`worker`](crate::worker). The timer begins no more than keeps
//! that busy, so that ten thousand that are due at once wait where they cost nothing, and can still be
//! paused. [`asking`] keeps the times up to date with what the CA wants; [`sanity`] stops it all while the
//! clock cannot be believed.

pub mod agendas;
pub mod asking;
pub mod sanity;

use std::{sync::Arc, time::Duration};

use eventlog::{Appended, CommandError, EventLog, Origin};
use futures_util::{StreamExt, stream};
use runtime::{Clock, database::begin_write};
use sea_orm::{DatabaseConnection, DbErr};
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    automation::{self, Automation, Command},
    worker::{chain, sleep_until},
};

use agendas::Due;
use sanity::Sanity;

/// Begins what is due.
pub struct Timer {
    /// Where it is begun.
    pub log: EventLog,
    /// Where the agendas are.
    pub database: DatabaseConnection,
    /// The time.
    pub clock: Clock,
    /// Whether to believe it.
    pub sanity: Sanity,
    /// Who begins it.
    pub service: &'static str,
    /// How many orders are worked on at a time.
    pub at_a_time: usize,
    /// Notified when there may be something new.
    pub changed: Arc<Notify>,
}

impl Timer {
    /// Runs until `stopping`.
    pub async fn run(self, stopping: CancellationToken) {
        while !stopping.is_cancelled() {
            let wake = match self.pass().await {
                Ok(wake) => wake,
                Err(error) => {
                    tracing::error!(error = chain(&error), "cannot read the schedule");
                    Some(self.clock.now() + PAUSE)
                }
            };
            tokio::select! {
                () = stopping.cancelled() => {}
                () = self.changed.notified() => {}
                () = sleep_until(&self.clock, wake) => {}
            }
        }
    }

    /// Begins what is due, as far as there is room; says when to look again, where that is known.
    pub(crate) async fn pass(&self) -> Result<Option<OffsetDateTime>, DbErr> {
        let now = self.clock.now();
        let most = self.at_a_time.saturating_mul(ORDERS_PER_PLACE);
        let busy = agendas::busy(&self.database, now, most).await?;
        let room = most.saturating_sub(busy).min(AT_ONCE);
        if room == 0 {
            // The end of any order is heard of.
            return Ok(None);
        }
        let due = agendas::due(&self.database, now, room).await?;
        if due.is_empty() {
            return agendas::earliest(&self.database).await;
        }
        if self.sanity.doubts(now, &due).await {
            return Ok(Some(now + DOUBT));
        }
        let begun = stream::iter(due).map(|due| async move {
            let begun = self.begin(&due, now).await;
            (due, begun)
        });
        let mut answers = begun.buffer_unordered(APPENDS_AT_A_TIME);
        let (mut begun, mut refused, mut again) = (Vec::new(), Vec::new(), now);
        while let Some((due, answer)) = answers.next().await {
            match answer {
                Begun::Yes => begun.push(due),
                Begun::No => refused.push(due),
                Begun::Unknown => again = now + PAUSE,
            }
        }
        let tx = begin_write(&self.database).await?;
        agendas::begun(&tx, &begun).await?;
        agendas::put_off(&tx, &refused, now + PUT_OFF).await?;
        tx.commit().await?;
        Ok(Some(again))
    }

    /// By the row alone, as long as it has all that the log has; else by the log.
    async fn begin(&self, due: &Due, now: OffsetDateTime) -> Begun {
        let id = due.automation.to_string();
        let origin = by_the_clock(self.service, &self.clock);
        if let Some(event) = due.agenda.begin(now) {
            let appended = self.log.append_after::<Automation>(
                &id,
                &origin,
                STARTED,
                now,
                &event,
                due.position,
            );
            match appended.await {
                Ok(Appended::Stored(_)) => {
                    tracing::info!(automation = %id, "renewal begins");
                    return Begun::Yes;
                }
                Ok(Appended::Conflict) => {}
                Ok(Appended::Unknown(error)) => return unknown(&id, &error),
                Err(error) => return unknown(&id, &chain(&error)),
            }
        }
        let decide = |state: &Automation| automation::decide(state, Command::StartDue { now });
        let begun = self.log.execute(&id, &origin, STARTED, now, decide).await;
        match begun {
            Ok(_) => {
                tracing::info!(automation = %id, "renewal begins");
                Begun::Yes
            }
            // Another agent was first, or the row is older than the log.
            Err(CommandError::Refused(_) | CommandError::Contended) => Begun::No,
            Err(CommandError::RequestIdReused | CommandError::Changed(_)) => Begun::No,
            Err(CommandError::Failed(error)) => unknown(&id, &chain(&error)),
        }
    }
}

fn unknown(automation: &str, error: &str) -> Begun {
    tracing::warn!(automation, error, "a renewal that is due could not begin");
    Begun::Unknown
}

/// What became of something that was due.
enum Begun {
    Yes,
    No,
    /// The log did not say.
    Unknown,
}

/// What nobody asked for, but the time: each is a request of its own, and begins a story of its own.
pub(crate) fn by_the_clock(service: &str, clock: &Clock) -> Origin {
    Origin::unasked(format!("service/{service}"), clock.new_id())
}

const STARTED: &str = "renewal-started";

/// Orders that are wanted or under way, for each that is worked on: the next is there when one ends.
const ORDERS_PER_PLACE: usize = 2;
/// Begun in one pass, and noted in one transaction: however many are due, no more are in memory.
const AT_ONCE: usize = 512;
/// They travel together.
const APPENDS_AT_A_TIME: usize = 256;

/// A log or database that does not answer is asked again after this.
const PAUSE: Duration = Duration::from_secs(1);
/// What was refused is looked at again after this, unless an event of it comes before.
const PUT_OFF: Duration = Duration::from_secs(60);
/// A clock that is not to be believed is looked at again after this.
const DOUBT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod trials;
