//! An order, from the intent to the certificate in the keystore.
//!
//! Every act is written down before it is done, so that after a crash at any point the order goes on
//! where it was: what the CA has done meanwhile is read from the order's status first.
//!
//! | in the log | what comes next |
//! | --- | --- |
//! | `order-intended` | newOrder (a crash inside it leaves at most one orphan, which CAs reuse) |
//! | `order-placed` | read the order; answer challenges, wait |
//! | `finalize-intended` | send the certificate request that stands there, if the order is still ready |
//! | `certificate-issued`, `renewed`, `…-failed` | nothing |

mod held;
mod keep;
mod place;
mod prove;
mod steps;

use std::{sync::Arc, time::Duration};

use api::acme::v1::{Failure, Step};
use async_nats::jetstream::kv::PutError;
use eventlog::{CommandError, EventLog, LogError, Origin};
use runtime::{Clock, Runtime};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{
    accounts::Accounts,
    automation::{self, Automation, Command, Phase},
    budget::Budget,
    challenge::Proofs,
    client,
    config::Config,
    events::AutomationEvent,
    failure::{self, About},
    keystore::{Keystore, KeystoreError},
    metrics,
    outbox::Open,
    worker::chain,
};

use held::Held;

/// Works on orders, one call of [`Orders::pursue`] an order.
pub struct Orders {
    log: EventLog,
    keystore: Keystore,
    accounts: Arc<Accounts>,
    proofs: Proofs,
    budget: Budget,
    clock: Clock,
    config: Config,
    service: &'static str,
    stopping: CancellationToken,
}

/// What became of an order for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has ended, well or not; the log says how.
    Over,
    /// Another agent has it until then.
    Elsewhere(OffsetDateTime),
    /// The CA leaves no room for it before then.
    Later(OffsetDateTime),
}

/// Something of ours stood in the way, or the service stops: the order goes on another time.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted {
    /// The log.
    #[error("the event log stood in the way of an order")]
    Log(#[source] LogError),
    /// Others keep changing the automation.
    #[error("others keep changing the automation")]
    Contended,
    /// The keystore.
    #[error("the keystore stood in the way of an order")]
    Keystore(#[source] KeystoreError),
    /// The bucket of challenges.
    #[error("an answer to a challenge could not be put in place")]
    Answer(#[source] PutError),
    /// The own database.
    #[error("the database stood in the way of an order")]
    Database(#[source] sea_orm::DbErr),
    /// The service stops.
    #[error("the service stops")]
    Stopping,
}

/// Why the work on an order halts before the order ends.
#[derive(Debug)]
enum Halt {
    /// Another agent has taken over, or the order is over.
    Lost(automation::Refusal),
    /// Not now.
    Interrupted(Interrupted),
    /// Not before then.
    Later(OffsetDateTime),
}

/// Why a step was the last one.
#[derive(Debug)]
enum Stop {
    /// The CA said no, or did not answer.
    Ca(Step, Box<client::Error>),
    /// The order has failed, for another reason.
    Failed(Box<Failure>),
    /// The order has not ended.
    Halt(Halt),
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl From<Interrupted> for Stop {
    fn from(interrupted: Interrupted) -> Self {
        Self::Halt(Halt::Interrupted(interrupted))
    }
}

impl Orders {
    /// What an order needs.
    pub fn new(
        runtime: &Runtime,
        config: Config,
        log: EventLog,
        keystore: Keystore,
        accounts: Arc<Accounts>,
        proofs: Proofs,
        budget: Budget,
    ) -> Self {
        Self {
            log,
            keystore,
            accounts,
            proofs,
            budget,
            clock: runtime.clock().clone(),
            config,
            service: runtime.service(),
            stopping: runtime.stopping(),
        }
    }

    /// Begins the order, or goes on with it, up to its end.
    ///
    /// # Errors
    /// [`Interrupted`]: to be called again later.
    pub async fn pursue(&self, open: &Open) -> Result<Outcome, Interrupted> {
        match self.run(open).await {
            Ok(()) => Ok(Outcome::Over),
            Err(Halt::Lost(refusal)) => Ok(self.outcome(&refusal)),
            Err(Halt::Later(until)) => Ok(Outcome::Later(until)),
            Err(Halt::Interrupted(interrupted)) => Err(interrupted),
        }
    }

    async fn run(&self, open: &Open) -> Result<(), Halt> {
        let mut held = self.hold(open).await?;
        let mut ended = self.work(&mut held).await;
        if matches!(&ended, Err(Stop::Ca(_, error)) if error.is("accountDoesNotExist")) {
            // Opening the account again makes it again at a CA that has forgotten it.
            self.accounts.forget(held.server);
            ended = self.work(&mut held).await;
        }
        if !matches!(ended, Err(Stop::Halt(_))) {
            self.withdraw(&held).await;
        }
        let end = match ended {
            Ok(obtained) => {
                tracing::info!(
                    certificate = obtained.certificate_id,
                    version = obtained.version,
                    "certificate obtained"
                );
                Command::Complete(obtained)
            }
            Err(Stop::Ca(step, error)) => {
                let failure = self.explain(step, &error, &held);
                self.failed(&held, failure, error.retry_after()).await
            }
            Err(Stop::Failed(failure)) => self.failed(&held, *failure, None).await,
            Err(Stop::Halt(halt)) => return Err(halt),
        };
        let event = self.append(&held, "end", end).await?;
        metrics::ended(&held.directory_url, &event);
        Ok(())
    }

    fn explain(&self, step: Step, error: &client::Error, held: &Held) -> Failure {
        if !matches!(error, client::Error::Refused { .. }) {
            // Perhaps the CA has moved: its directory is read again next time.
            self.accounts.forget(held.server);
        }
        let about = About {
            directory_url: &held.directory_url,
            names: &held.names,
        };
        failure::explain(step, error, about)
    }

    async fn failed(
        &self,
        held: &Held,
        failure: Failure,
        retry_after: Option<Duration>,
    ) -> Command {
        tracing::warn!(
            reason = failure.reason,
            // Not `message`: the JSON form of the log has that key already.
            said = failure.message,
            "order failed"
        );
        // Once the certificate request is sent, there may be a certificate.
        if held.finalize.is_none()
            && let Err(error) = self.budget.failed(&self.asked(held), &held.unproved).await
        {
            // More is counted than the CA does, for a while.
            tracing::warn!(
                error = chain(&error),
                "cannot take note of the failure in the limits"
            );
        }
        Command::Fail {
            attempt: held.attempt,
            holder: self.config.replica.clone(),
            now: self.clock.now(),
            failure,
            retry_after,
        }
    }

    /// Takes the order, or goes on with one that is ours.
    async fn hold(&self, open: &Open) -> Result<Held, Halt> {
        let id = open.automation.to_string();
        let origin = open.origin(self.service);
        let loaded = self.log.load::<Automation>(&id).await;
        let loaded = loaded.map_err(|e| Halt::Interrupted(Interrupted::Log(e)))?;
        let ours = |state: &Automation| match state.phase() {
            Phase::Ordering(order) => {
                order.holder == self.config.replica && !self.is_short(order.lease_until)
            }
            Phase::Idle | Phase::Wanted => false,
        };
        let state = if ours(&loaded.state) {
            loaded.state
        } else {
            self.intend(&id, &origin).await?
        };
        Held::new(id, origin, &state).map_err(Halt::Lost)
    }

    /// Lengthens the lease when half of it is over; who has lost it halts here.
    async fn keep_lease(&self, held: &mut Held) -> Result<(), Halt> {
        if !self.is_short(held.lease_until) {
            return Ok(());
        }
        let state = self.intend(&held.id, &held.origin).await?;
        match state.phase() {
            Phase::Ordering(order) if order.attempt == held.attempt => {
                held.lease_until = order.lease_until;
                Ok(())
            }
            _ => Err(Halt::Lost(automation::Refusal::OrderOver)),
        }
    }

    async fn intend(&self, id: &str, origin: &Origin) -> Result<Automation, Halt> {
        let now = self.clock.now();
        let command = Command::IntendOrder {
            holder: self.config.replica.clone(),
            now,
            lease: self.lease(),
        };
        // Each lease is an event of its own: the holder and the time tell them apart.
        let item = format!("order-intended/{}/{now}", self.config.replica);
        let decide = |state: &Automation| automation::decide(state, command.clone());
        let executed = self.log.execute(id, origin, &item, now, decide).await;
        Ok(executed.map_err(halt)?.state)
    }

    /// Writes down what has happened, or what is about to. What comes back is what the log holds: where
    /// another agent was first, that is the other's.
    async fn append(
        &self,
        held: &Held,
        item: &str,
        command: Command,
    ) -> Result<AutomationEvent, Halt> {
        let item = format!("{item}/{}", held.attempt);
        let decide = |state: &Automation| automation::decide(state, command.clone());
        let now = self.clock.now();
        let executed = self.log.execute(&held.id, &held.origin, &item, now, decide);
        Ok(executed.await.map_err(halt)?.event)
    }

    fn outcome(&self, refusal: &automation::Refusal) -> Outcome {
        match refusal {
            automation::Refusal::HeldElsewhere { until } => Outcome::Elsewhere(*until),
            automation::Refusal::LeaseLost | automation::Refusal::StepDone => {
                Outcome::Elsewhere(self.clock.now() + self.lease())
            }
            automation::Refusal::NotFound
            | automation::Refusal::AlreadyRequested
            | automation::Refusal::OrderUnderWay
            | automation::Refusal::NothingWanted
            | automation::Refusal::NotDue
            | automation::Refusal::NothingNew
            | automation::Refusal::AlreadyPaused
            | automation::Refusal::NotPaused
            | automation::Refusal::Cancelled
            | automation::Refusal::NoSuchVersion
            | automation::Refusal::AlreadyRevoked
            | automation::Refusal::RevocationUnderWay
            | automation::Refusal::NoRevocation
            | automation::Refusal::OrderOver => Outcome::Over,
        }
    }

    fn is_short(&self, lease_until: OffsetDateTime) -> bool {
        lease_until - self.clock.now() <= self.lease() / 2
    }

    fn lease(&self) -> time::Duration {
        // A configuration's seconds are at most a year's.
        time::Duration::try_from(self.config.lease()).unwrap_or(time::Duration::HOUR)
    }
}

fn halt(error: CommandError<automation::Refusal>) -> Halt {
    match error {
        CommandError::Refused(refusal) => Halt::Lost(refusal),
        CommandError::RequestIdReused | CommandError::Contended | CommandError::Changed(_) => {
            Halt::Interrupted(Interrupted::Contended)
        }
        CommandError::Failed(error) => Halt::Interrupted(Interrupted::Log(error)),
    }
}
