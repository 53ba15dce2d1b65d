//! Revocations: what is intended in the log is brought to the CA (RFC 8555, section 7.6), then to the
//! keystore, and then the log has that it is done. Each step may be repeated: a CA that has revoked the
//! certificate says so, and the keystore marks it once.
//!
//! A CA that does not answer is told again until it does. One that refuses has refused: a person decides.

use std::{collections::HashMap, sync::Arc, time::Duration};

use api::{
    acme::v1::{Failure, ServerRegistered, Step},
    keystore::v1::MarkRevokedRequest,
};
use eventlog::{CommandError, EventLog, LogError, Origin};
use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    accounts::{AccountError, Accounts},
    automation::{self, Automation, Command, Revocation},
    certificate,
    client::Error,
    failure::{self, About},
    keystore::{Keystore, KeystoreError},
    owed::{self, Owed, What},
    patience,
    server::Server,
    worker::{chain, sleep_until},
};

/// Has certificates revoked.
pub struct Revoker {
    /// Where intents are, and ends go.
    pub log: EventLog,
    /// Where the rows are.
    pub database: DatabaseConnection,
    /// The time.
    pub clock: Clock,
    /// The ways to the CAs.
    pub accounts: Arc<Accounts>,
    /// Marks what is revoked.
    pub keystore: Keystore,
    /// Who does it.
    pub service: &'static str,
    /// Notified when there may be something new.
    pub changed: Arc<Notify>,
}

/// Why a revocation has not ended.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error("the CA did not answer, or is in trouble")]
    Ca(#[source] Error),
    #[error("the CA's account cannot be used now")]
    Account(#[source] AccountError),
    #[error("the keystore stood in the way")]
    Keystore(#[source] KeystoreError),
    #[error("the event log stood in the way")]
    Log(#[source] LogError),
    #[error("others keep changing the automation")]
    Contended,
}

impl Interrupted {
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Ca(error) | Self::Account(AccountError::Ca(error)) => error.retry_after(),
            Self::Account(_) | Self::Keystore(_) | Self::Log(_) | Self::Contended => None,
        }
    }
}

/// What the CA made of it.
enum Answered {
    Revoked,
    Refused(Box<Failure>),
}

impl Revoker {
    /// Runs until `stopping`.
    pub async fn run(self, stopping: CancellationToken) {
        // A revocation is rare, and never one of many: one after the other.
        let mut pauses = HashMap::new();
        while !stopping.is_cancelled() {
            let Some(wake) = stopping.run_until_cancelled(self.pass(&mut pauses)).await else {
                return;
            };
            let wake = wake.unwrap_or_else(|error| {
                tracing::error!(error = chain(&error), "cannot read the revocations");
                Some(self.clock.now() + FIRST_PAUSE)
            });
            tokio::select! {
                () = stopping.cancelled() => {}
                () = self.changed.notified() => {}
                () = sleep_until(&self.clock, wake) => {}
            }
        }
    }

    /// Works on all that are not to be left alone; says when to go on.
    async fn pass(
        &self,
        pauses: &mut HashMap<Uuid, Pause>,
    ) -> Result<Option<OffsetDateTime>, DbErr> {
        let open = owed::all(&self.database, What::Revocation).await?;
        pauses.retain(|cause, _| open.iter().any(|open| open.cause == *cause));
        for open in open {
            let now = self.clock.now();
            if pauses
                .get(&open.cause)
                .is_some_and(|pause| pause.until > now)
            {
                continue;
            }
            match self.pursue(&open).await {
                Ok(()) => {
                    pauses.remove(&open.cause);
                    owed::close(&self.database, &open).await?;
                }
                Err(interrupted) => {
                    let pause = pauses.entry(open.cause).or_default();
                    pause.lengthen(self.clock.now(), interrupted.retry_after());
                    tracing::warn!(
                        automation = %open.automation,
                        error = chain(&interrupted),
                        until = %pause.until,
                        "revocation interrupted"
                    );
                }
            }
        }
        Ok(pauses.values().map(|pause| pause.until).min())
    }

    async fn pursue(&self, open: &Owed) -> Result<(), Interrupted> {
        let id = open.automation.to_string();
        let origin = Origin::reaction(
            format!("service/{}", self.service),
            open.cause,
            open.correlation,
        );
        let loaded = self.log.load::<Automation>(&id).await;
        let state = loaded.map_err(Interrupted::Log)?.state;
        let Some(revocation) = state.revocation() else {
            // It has ended, and the follower is not there yet.
            return Ok(());
        };
        let version = revocation.version;
        let certificate_id = state.certificate_id().unwrap_or_default();
        // Step 1: the CA. A crash after this tells it again, and it says that it has done it.
        let end = match self.tell(revocation, certificate_id, &origin).await? {
            Answered::Revoked => {
                // Step 2: the keystore, which takes the same word twice.
                let message = MarkRevokedRequest {
                    certificate_id: certificate_id.to_owned(),
                    version,
                    reason: revocation.reason.into(),
                };
                let marked = self.keystore.mark_revoked(&origin, message).await;
                if let Err(error) = marked {
                    if error.may_pass() {
                        return Err(Interrupted::Keystore(error));
                    }
                    // The CA has done it, and that is what counts.
                    tracing::error!(
                        automation = id,
                        error = chain(&error),
                        "a revoked certificate is not marked"
                    );
                }
                tracing::info!(automation = id, version, "certificate revoked");
                Command::CompleteRevocation { version }
            }
            Answered::Refused(failure) => {
                tracing::warn!(
                    automation = id,
                    version,
                    reason = failure.reason,
                    said = failure.message,
                    "the ca does not revoke the certificate"
                );
                Command::FailRevocation {
                    version,
                    failure: *failure,
                }
            }
        };
        // Step 3: the end.
        self.append(&id, &origin, end).await
    }

    /// Tells the CA, which may have done it before.
    async fn tell(
        &self,
        revocation: &Revocation,
        certificate_id: &str,
        origin: &Origin,
    ) -> Result<Answered, Interrupted> {
        let refused = |failure| Ok(Answered::Refused(Box::new(failure)));
        let versions = certificate::versions(&self.log, certificate_id).await;
        let versions = versions.map_err(Interrupted::Log)?;
        let mut versions = versions.into_iter();
        let Some(version) = versions.find(|v| v.number == revocation.version) else {
            return refused(failure::wrong_certificate("it is not in the log"));
        };
        let loaded = self.log.load::<Server>(&revocation.server_id).await;
        let state = loaded.map_err(Interrupted::Log)?.state;
        let (Ok(registered), Ok(server)) =
            (state.registered(), Uuid::parse_str(&revocation.server_id))
        else {
            return refused(failure::server_gone(&revocation.server_id));
        };
        let explain = |step, error: &Error| explain(step, error, &registered.what, &version);
        let account = self.accounts.at(server, &registered.what, origin).await;
        let account = match account {
            Ok(account) => account,
            Err(AccountError::Ca(error)) if !patience::may_pass(&error) => {
                return refused(explain(Step::Connect, &error));
            }
            Err(AccountError::Roots(error)) => return refused(failure::roots(&error)),
            Err(AccountError::Key(error)) => {
                return refused(failure::account_key(&error.to_string()));
            }
            Err(error) => return Err(Interrupted::Account(error)),
        };
        // The codes of the contract are those of RFC 5280.
        let reason = u32::try_from(i32::from(revocation.reason)).unwrap_or_default();
        match account.revoke(&version.certificate.der, reason).await {
            Ok(()) => Ok(Answered::Revoked),
            Err(done) if done.is("alreadyRevoked") => Ok(Answered::Revoked),
            Err(error) if patience::may_pass(&error) => Err(Interrupted::Ca(error)),
            Err(error) if error.is("accountDoesNotExist") => {
                // Opening the account again makes it again at a CA that has forgotten it.
                self.accounts.forget(server);
                Err(Interrupted::Ca(error))
            }
            Err(error) => refused(explain(Step::Unspecified, &error)),
        }
    }

    async fn append(&self, id: &str, origin: &Origin, command: Command) -> Result<(), Interrupted> {
        let decide = |state: &Automation| automation::decide(state, command.clone());
        let now = self.clock.now();
        match self
            .log
            .execute(id, origin, "revocation", now, decide)
            .await
        {
            // Another agent was first.
            Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
            // It names nothing that it had read.
            Err(
                CommandError::Contended | CommandError::Changed(_) | CommandError::RequestIdReused,
            ) => Err(Interrupted::Contended),
            Err(CommandError::Failed(error)) => Err(Interrupted::Log(error)),
        }
    }
}

/// Why the CA does not revoke it, with the names of the certificate.
fn explain(
    step: Step,
    error: &Error,
    server: &ServerRegistered,
    version: &certificate::Version,
) -> Failure {
    let names = version.certificate.subject_alt_names.clone();
    let names = names.map(|names| [names.dns_names, names.ip_addresses].concat());
    let about = About {
        directory_url: &server.directory_url,
        names: &names.unwrap_or_default(),
    };
    failure::explain(step, error, about)
}

/// How long a revocation is left alone.
struct Pause {
    until: OffsetDateTime,
    next: Duration,
}

impl Default for Pause {
    fn default() -> Self {
        Self {
            until: OffsetDateTime::UNIX_EPOCH,
            next: FIRST_PAUSE,
        }
    }
}

impl Pause {
    /// For longer each time, and never shorter than the CA asks.
    fn lengthen(&mut self, now: OffsetDateTime, asked: Option<Duration>) {
        self.until = now + self.next.max(asked.unwrap_or_default());
        self.next = (self.next * 2).min(LONGEST_PAUSE);
    }
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// A certificate whose key others have is not to be waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_ca_that_does_not_answer_is_told_again_and_never_earlier_than_it_asks() {
        let now = datetime!(2026-01-01 00:00 UTC);
        let mut pause = Pause::default();
        let mut waits = |asked| {
            pause.lengthen(now, asked);
            (pause.until - now).whole_seconds()
        };
        assert_eq!([(); 3].map(|()| waits(None)), [1, 2, 4]);
        assert_eq!(waits(Some(Duration::from_secs(600))), 600);
        assert_eq!([(); 4].map(|()| waits(None)), [16, 32, 60, 60]);
    }
}
