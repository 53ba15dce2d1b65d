//! Works off what is owed to requests.

use std::{sync::Arc, time::Duration};

use eventlog::{CommandError, EventLog, LogError};
use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::owed::{self, Owed};
use crate::{
    refusal::Refusal,
    request::{self, Command, State},
};

/// Appends the events that are owed, and strikes them off.
pub struct Worker {
    /// Where the events go.
    pub log: EventLog,
    /// Where the rows are.
    pub database: DatabaseConnection,
    /// The time.
    pub clock: Clock,
    /// Notified when there may be new rows.
    pub owed: Arc<Notify>,
}

/// Why something is still owed.
#[derive(Debug, thiserror::Error)]
enum Unpaid {
    /// The log did not take the event.
    #[error("the event log did not take the event")]
    Log(#[source] LogError),
    /// Others kept changing the request.
    #[error("others keep changing the request at the same time")]
    Contended,
    /// The rows cannot be read or written.
    #[error("the database does not answer")]
    Database(#[from] DbErr),
}

impl Worker {
    /// Works until `stopping`. What fails is tried again, at longer and longer intervals.
    pub async fn run(self, stopping: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        loop {
            let again = match stopping.run_until_cancelled(self.work_off()).await {
                None => return,
                Some(Ok(true)) => {
                    pause = FIRST_PAUSE;
                    None
                }
                Some(Ok(false)) => Some(pause),
                Some(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "cannot read what is owed to requests");
                    Some(pause)
                }
            };
            tokio::select! {
                () = stopping.cancelled() => return,
                () = self.owed.notified() => {}
                () = wait(&self.clock, again) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }

    /// Tries everything that is owed once; false where something is owed still.
    ///
    /// # Errors
    /// What the database says.
    pub async fn work_off(&self) -> Result<bool, DbErr> {
        let (mut position, mut all) = (0, true);
        loop {
            let owed = owed::past(&self.database, position).await?;
            let Some(last) = owed.last() else {
                return Ok(all);
            };
            position = last.position;
            for owed in owed {
                if let Err(unpaid) = self.pay(&owed).await {
                    let error = &unpaid as &dyn std::error::Error;
                    tracing::warn!(request = %owed.request, error, "a request's answer is not noted yet");
                    all = false;
                }
            }
        }
    }

    /// Appends one event, and strikes it off.
    async fn pay(&self, owed: &Owed) -> Result<(), Unpaid> {
        match self.append(owed).await {
            Ok(()) => {}
            Err(CommandError::Refused(Refusal::NoSuchRequest)) => {
                // The certificate was faster than the request's first event, which may never come.
                // Step 1: lay it aside. The follower takes it up with that event, from now on.
                owed::lay_aside(&self.database, owed).await?;
                // Step 2: look again: the event may have passed the follower before step 1.
                let loaded = self.log.load::<State>(&owed.request.to_string()).await;
                if loaded.map_err(Unpaid::Log)?.state.made().is_some() {
                    owed::wake(&self.database, owed.request).await?;
                    self.owed.notify_one();
                }
                return Ok(());
            }
            Err(CommandError::Refused(refusal)) => {
                // A person deleted it meanwhile, or another certificate was first: there is nothing to note.
                tracing::info!(request = %owed.request, %refusal, "a request needs no answer");
            }
            // A cause stands for one event: under its id there can be no other.
            Err(CommandError::RequestIdReused) => {
                tracing::error!(request = %owed.request, cause = %owed.cause, "another event has this cause");
            }
            Err(CommandError::Contended | CommandError::Changed(_)) => {
                return Err(Unpaid::Contended);
            }
            Err(CommandError::Failed(error)) => return Err(Unpaid::Log(error)),
        }
        Ok(owed::strike(&self.database, owed).await?)
    }

    async fn append(&self, owed: &Owed) -> Result<(), CommandError<Refusal>> {
        let command = Command::Fulfil(owed.fulfilled());
        let decide = |state: &State| request::decide(state, &command);
        let (id, origin, now) = (owed.request.to_string(), owed.origin(), self.clock.now());
        let done = self.log.execute(&id, &origin, "fulfilled", now, decide);
        let done = done.await?;
        tracing::info!(request = id, position = done.position, "request fulfilled");
        Ok(())
    }
}

async fn wait(clock: &Clock, pause: Option<Duration>) {
    match pause {
        Some(pause) => clock.sleep(pause).await,
        None => std::future::pending().await,
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
