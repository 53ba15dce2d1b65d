//! Looks at what is due, and raises and clears alerts.

use std::time::Duration;

use api::{
    convert,
    notifier::v1::{AlertCleared, AlertRaised, AlertSubject},
};
use eventlog::{CommandError, EventLog, LogError};
use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Up, Verdict, Watched, automation, certificate,
    certificate::judge::Surroundings,
    deadline::{self, Deadline},
    key, log, tables, trouble,
};
use crate::{
    alert::{self, Command, Moot, State},
    origin, roster,
};

/// Looks at what is due.
pub struct Worker {
    /// Where alerts are raised.
    pub log: EventLog,
    /// Where the rows are.
    pub database: DatabaseConnection,
    /// The time.
    pub clock: Clock,
    /// Changes with the rows.
    pub changed: watch::Receiver<u64>,
}

/// Why something could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The database.
    #[error("the database does not answer")]
    Database(#[from] DbErr),
    /// The event log.
    #[error("the event log did not take an alert")]
    Log(#[source] LogError),
    /// Others kept changing the alert.
    #[error("others keep changing an alert at the same time")]
    Contended,
}

impl Worker {
    /// Works until `stopping`. What fails is tried again after a pause.
    pub async fn run(mut self, stopping: CancellationToken) {
        while !stopping.is_cancelled() {
            self.changed.borrow_and_update();
            let next = match stopping.run_until_cancelled(self.work_off()).await {
                None => return,
                Some(Ok(next)) => next,
                Some(Err(error)) => {
                    report(&error);
                    tokio::select! {
                        () = stopping.cancelled() => {}
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                    continue;
                }
            };
            tokio::select! {
                () = stopping.cancelled() => {}
                changed = self.changed.changed() => if changed.is_err() {
                    // The follower has ended, and says why.
                    return;
                },
                () = wait(&self.clock, next) => {}
            }
        }
    }

    /// Looks at all that is due; answers when something is due next.
    ///
    /// # Errors
    /// [`WorkerError`]: what was not looked at stays due.
    pub async fn work_off(&self) -> Result<Option<OffsetDateTime>, WorkerError> {
        loop {
            let now = self.clock.now();
            let due = deadline::due(&self.database, now).await?;
            if due.is_empty() {
                return Ok(deadline::next(&self.database).await?);
            }
            for due in due {
                let verdict = self.judge(&due, now).await?;
                if let Some(verdict) = &verdict {
                    self.tell(&due, verdict).await?;
                }
                let next = verdict.and_then(|verdict| verdict.next);
                deadline::settle(&self.database, &due, next).await?;
            }
        }
    }

    async fn judge(
        &self,
        due: &Deadline,
        now: OffsetDateTime,
    ) -> Result<Option<Verdict>, WorkerError> {
        let db = &self.database;
        match due.kind {
            Watched::Certificate => {
                let Some(this) = certificate::row::find(db, due.id).await? else {
                    return Ok(None);
                };
                let automation = match this.automation {
                    Some(id) => automation::row::find(db, id).await?,
                    None => None,
                };
                let sharing = certificate::row::with_names_of(db, &this).await?;
                let successor = sharing.into_iter().find(|other| other.replaces(&this, now));
                let around = Surroundings {
                    automation,
                    has_key: this.is_ca && key::is_here(db, &this.spki_sha256).await?,
                    replaced_by: successor.map(|successor| successor.name),
                };
                Ok(Some(certificate::judge::judge(&this, &around, now)))
            }
            Watched::Automation => {
                let this = automation::row::find(db, due.id).await?;
                Ok(this.map(|this| automation::judge::judge(&this, now)))
            }
            Watched::Channel => {
                let recipient = roster::find(db, due.id).await?;
                let name = recipient.as_ref().map(|r| r.channel.name.as_str());
                let trouble = trouble::of(db, due.id).await?;
                Ok(Some(trouble::judge(name, trouble.as_ref(), now)))
            }
            Watched::Tables => {
                let stopped = tables::stopped(db).await?;
                Ok(Some(tables::judge(stopped.as_ref())))
            }
            Watched::Log => {
                let damage = log::damage(db).await?;
                Ok(Some(log::judge(damage.as_ref())))
            }
        }
    }

    /// Brings the log to what the verdict says: the new alert first, and then an end to all others.
    async fn tell(&self, due: &Deadline, verdict: &Verdict) -> Result<(), WorkerError> {
        let standing = alert::row::up_about(&self.database, due.kind, due.id).await?;
        let id = due.id.to_string();
        let new = verdict.up.as_ref().map(|up| {
            let alert = alert::id(due.kind.as_str(), &id, up.kind);
            (alert, raised(due, verdict, up))
        });
        if let Some((alert, raise)) = &new {
            let raise = Command::Raise(raise.clone());
            let known = standing.iter().find(|(id, _)| id == alert);
            let nothing = State::default();
            let known = known.map_or(&nothing, |(_, state)| state);
            if alert::decide(known, &raise).is_ok() {
                self.append(*alert, "raised", raise).await?;
            }
        }
        for (alert, _) in standing {
            if new.as_ref().is_some_and(|(id, _)| *id == alert) {
                continue;
            }
            let clear = Command::Clear(AlertCleared {
                message: verdict.over.clone(),
                superseded: new.is_some(),
            });
            self.append(alert, "cleared", clear).await?;
        }
        Ok(())
    }

    async fn append(&self, id: Uuid, what: &str, command: Command) -> Result<(), WorkerError> {
        let decide = |state: &State| alert::decide(state, &command);
        let (id, origin, now) = (
            id.to_string(),
            origin::own(&self.clock, None),
            self.clock.now(),
        );
        match self.log.execute(&id, &origin, what, now, decide).await {
            Ok(done) => {
                tracing::info!(alert = id, what, position = done.position, "alert");
                Ok(())
            }
            // Another replica was first.
            Err(CommandError::Refused(Moot::SaysSo | Moot::NotUp | Moot::ToldAlready)) => Ok(()),
            // A fresh id stands for nothing else.
            Err(
                CommandError::Contended | CommandError::Changed(_) | CommandError::RequestIdReused,
            ) => Err(WorkerError::Contended),
            Err(CommandError::Failed(error)) => Err(WorkerError::Log(error)),
        }
    }
}

fn report(error: &(dyn std::error::Error + 'static)) {
    tracing::error!(error, "cannot look at what is due");
}

fn raised(due: &Deadline, verdict: &Verdict, up: &Up) -> AlertRaised {
    AlertRaised {
        kind: up.kind.into(),
        severity: up.severity.into(),
        subject: Some(AlertSubject {
            kind: due.kind.as_str().to_owned(),
            id: due.id.to_string(),
            name: verdict.name.clone(),
        }),
        message: up.message.clone(),
        advice: up.advice.clone(),
        deadline: up.deadline.map(convert::timestamp),
        cause_id: up.cause.map(|id| id.to_string()).unwrap_or_default(),
        since: Some(convert::timestamp(up.since)),
    }
}

async fn wait(clock: &Clock, until: Option<OffsetDateTime>) {
    match until {
        Some(until) => clock.sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// How long a database or log that does not answer is left alone.
const PAUSE: Duration = Duration::from_secs(2);
