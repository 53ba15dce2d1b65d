//! Asks each CA when it wants its certificates to be renewed (RFC 9773), twice a day for each automation.
//! A CA that does not answer changes nothing: what it said last stays, and the certificate's life always
//! has its say.

use std::{sync::Arc, time::Duration};

use eventlog::{CommandError, EventLog, LogError, Origin};
use futures_util::{StreamExt, stream};
use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    agendas::{self, Question},
    by_the_clock,
};
use crate::{
    accounts::{AccountError, Accounts},
    automation::{self, Automation, Command, Version},
    certificate,
    client::renewal_info::{RenewalInfo, RenewalInfoError},
    policy::{self, Asked, Window},
    server::Server,
    worker::{chain, sleep_until},
};

/// Asks, and writes down what is new.
pub struct Asker {
    /// Where it is written down.
    pub log: EventLog,
    /// Where the agendas are.
    pub database: DatabaseConnection,
    /// The time.
    pub clock: Clock,
    /// The ways to the CAs.
    pub accounts: Arc<Accounts>,
    /// Who asks.
    pub service: &'static str,
    /// Notified when there may be something new.
    pub changed: Arc<Notify>,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("the CA gave no answer that can be used")]
    Ca(#[source] RenewalInfoError),
    #[error("the CA cannot be asked")]
    Account(#[source] AccountError),
    #[error("the event log did not answer")]
    Log(#[source] LogError),
    #[error("the log does not have what is to be asked about")]
    Missing,
}

impl NoAnswer {
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Ca(error) => error.retry_after(),
            Self::Account(_) | Self::Log(_) | Self::Missing => None,
        }
    }
}

impl Asker {
    /// Runs until `stopping`.
    pub async fn run(self, stopping: CancellationToken) {
        while !stopping.is_cancelled() {
            // Dropped where it is: what was not written down is asked again.
            let Some(passed) = stopping.run_until_cancelled(self.pass()).await else {
                return;
            };
            let wake = passed.unwrap_or_else(|error| {
                tracing::error!(error = chain(&error), "cannot read what is to be asked");
                Some(self.clock.now() + PAUSE)
            });
            tokio::select! {
                () = stopping.cancelled() => {}
                () = self.changed.notified() => {}
                () = sleep_until(&self.clock, wake) => {}
            }
        }
    }

    /// Asks those whose time has come, as many as are asked at a time; says when to go on.
    async fn pass(&self) -> Result<Option<OffsetDateTime>, DbErr> {
        let now = self.clock.now();
        let questions = agendas::to_ask(&self.database, now, AT_A_TIME).await?;
        if questions.is_empty() {
            return agendas::earliest_question(&self.database).await;
        }
        // Owned: a future that borrows from an item could not be sent to another thread.
        let asked = stream::iter(questions).map(async |question| self.ask(&question).await);
        let asked = asked.buffer_unordered(AT_A_TIME).collect::<Vec<_>>().await;
        for asked in asked {
            asked?;
        }
        Ok(Some(now))
    }

    async fn ask(&self, question: &Question) -> Result<(), DbErr> {
        let id = question.automation.to_string();
        let origin = by_the_clock(self.service, &self.clock);
        let asked = match self.answer(&id, &origin).await {
            Ok(retry_after) => Asked::Answered(retry_after),
            Err(none) => {
                let failures = question.failures.saturating_add(1);
                tracing::info!(automation = %id, failures, error = chain(&none), "no renewal information");
                Asked::Failed(failures, none.retry_after())
            }
        };
        let failures = match asked {
            Asked::Answered(_) => 0,
            Asked::Failed(failures, _) => failures,
        };
        let again = policy::ask_again(asked, &id, self.clock.now());
        agendas::asked(&self.database, question, failures, again).await
    }

    /// Asks, and writes down when to renew where that is news; when to ask again, where the CA says so.
    async fn answer(&self, id: &str, origin: &Origin) -> Result<Option<Duration>, NoAnswer> {
        let loaded = self.log.load::<Automation>(id).await;
        let state = loaded.map_err(NoAnswer::Log)?.state;
        let newest = state.newest().ok_or(NoAnswer::Missing)?;
        let certificate_id = state.certificate_id().unwrap_or_default();
        let (window, said) = match self.window(newest, certificate_id, origin).await {
            Ok(info) => (Some(named(&info)), Ok(info.retry_after)),
            // Then the life decides.
            Err(NoAnswer::Ca(RenewalInfoError::NotOffered)) => (None, Ok(None)),
            // The life alone decides, until there is an answer; then what it was stays.
            Err(none) if !state.is_scheduled() => (None, Err(none)),
            Err(none) => return Err(none),
        };
        let command = Command::Schedule {
            version: newest.number,
            window,
        };
        if automation::decide(&state, command.clone()).is_ok() {
            self.write_down(id, origin, command).await?;
        }
        said
    }

    async fn write_down(
        &self,
        id: &str,
        origin: &Origin,
        command: Command,
    ) -> Result<(), NoAnswer> {
        let decide = |state: &Automation| automation::decide(state, command.clone());
        let now = self.clock.now();
        let executed = self.log.execute(id, origin, SCHEDULED, now, decide).await;
        match executed {
            Ok(_) => Ok(()),
            // Another agent has written it down, or there is another version by now.
            Err(
                CommandError::Refused(_)
                | CommandError::Contended
                | CommandError::Changed(_)
                | CommandError::RequestIdReused,
            ) => Ok(()),
            Err(CommandError::Failed(error)) => Err(NoAnswer::Log(error)),
        }
    }

    async fn window(
        &self,
        newest: &Version,
        certificate_id: &str,
        origin: &Origin,
    ) -> Result<RenewalInfo, NoAnswer> {
        let server = Uuid::parse_str(&newest.server_id).map_err(|_| NoAnswer::Missing)?;
        let loaded = self.log.load::<Server>(&newest.server_id).await;
        let state = loaded.map_err(NoAnswer::Log)?.state;
        let registered = state.registered().map_err(|_| NoAnswer::Missing)?;
        let account = self.accounts.at(server, &registered.what, origin).await;
        let account = account.map_err(NoAnswer::Account)?;
        let versions = certificate::versions(&self.log, certificate_id).await;
        let versions = versions.map_err(NoAnswer::Log)?;
        let version = versions.iter().find(|v| v.number == newest.number);
        let cert_id = version.ok_or(NoAnswer::Missing)?.id();
        // A CA cannot be asked about what has no name there.
        let cert_id = cert_id.ok_or(NoAnswer::Ca(RenewalInfoError::NotOffered))?;
        let info = account.client().renewal_info(&cert_id).await;
        info.map_err(NoAnswer::Ca)
    }
}

fn named(info: &RenewalInfo) -> Window {
    Window {
        start: info.start,
        end: info.end,
        explanation_url: info.explanation_url.clone().unwrap_or_default(),
    }
}

const SCHEDULED: &str = "renewal-scheduled";
const AT_A_TIME: usize = 4;
/// A database that does not answer is asked again after this.
const PAUSE: Duration = Duration::from_secs(1);
