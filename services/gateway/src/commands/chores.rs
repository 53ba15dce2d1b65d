//! What is done when nobody asks: ends of sessions are told to the log, refusals are summed, and what no event
//! followed is swept.

use std::{error::Error, time::Duration};

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{CommandError, Commands, Refusals};
use crate::rows::{intended_password, invitation, session, user};

/// Does them.
pub struct Chores {
    /// With what.
    pub commands: Commands,
    /// What was counted.
    pub refusals: Refusals,
}

impl Chores {
    /// Works until `stopping`, and writes down then what was counted.
    pub async fn run(self, stopping: CancellationToken) {
        let ending = self.commands.ending.clone();
        let ends = async {
            loop {
                self.tell_ends().await;
                tokio::select! {
                    () = ending.notified() => {}
                    // One that could not be told is told then.
                    () = self.commands.clock.sleep(AGAIN) => {}
                }
            }
        };
        let counts = async {
            loop {
                self.commands.clock.sleep(WRITE_EVERY).await;
                self.write_down().await;
            }
        };
        let sums = async {
            loop {
                self.tidy().await;
                self.commands.clock.sleep(AGAIN).await;
            }
        };
        let work = async { tokio::join!(ends, counts, sums) };
        let _ = stopping.run_until_cancelled(work).await;
        self.write_down().await;
    }

    async fn write_down(&self) {
        let written = self.refusals.write_down(&self.commands.database).await;
        said("refused sign-ins are not counted yet", written);
    }

    /// Tells the log of all sessions that ended, as far as it is there.
    pub async fn tell_ends(&self) {
        if self.commands.log().is_err() {
            return;
        }
        let told = async {
            for (id, ending) in session::owed(&self.commands.database).await? {
                self.commands.tell_end(id, &ending).await?;
            }
            Ok::<_, CommandError>(())
        };
        said("the log is not told of a session's end yet", told.await);
    }

    /// Sums hours that are over, and sweeps.
    pub async fn tidy(&self) {
        // Another gateway may have seen it.
        said(
            "cannot look whether the set-up is done",
            self.commands.is_set_up().await,
        );
        if self.commands.log().is_err() {
            return;
        }
        let summed = self.commands.sum_refusals().await;
        said("refused sign-ins are not told to the log yet", summed);
        said("the gateway's tables are not swept", self.sweep().await);
    }

    async fn sweep(&self) -> Result<(), CommandError> {
        let (database, now) = (&self.commands.database, self.commands.clock.now());
        let idle = now - self.commands.lives.idle;
        session::sweep(database, idle, now).await?;
        invitation::sweep(database, now).await?;
        // What waits for an event is swept only where the rows have all that the log has, and no command is so long
        // under way.
        let log = self.commands.log()?;
        let last = log.last_sequence().await.map_err(CommandError::Log)?;
        if self.commands.progress.has(last) {
            let old: OffsetDateTime = now - LEFT_BEHIND;
            intended_password::sweep(database, old).await?;
            user::sweep(database, old).await?;
        }
        Ok(())
    }
}

fn said<T, E: Error + 'static>(what: &str, outcome: Result<T, E>) {
    if let Err(error) = outcome {
        warn!(error = &error as &dyn Error, "{what}");
    }
}

/// How soon what was counted is written down: a crash loses no more.
const WRITE_EVERY: Duration = Duration::from_secs(10);

/// How often what could not be told is told again, and hours are looked at.
const AGAIN: Duration = Duration::from_secs(60);

/// What waits so long for its event has none.
const LEFT_BEHIND: time::Duration = time::Duration::hours(1);
