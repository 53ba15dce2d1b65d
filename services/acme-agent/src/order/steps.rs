//! What is done with a CA, step by step, and waited for in between.

use std::{sync::Arc, time::Duration};

use crate::{
    accounts::AccountError,
    automation::{Command, Finalize, Refusal},
    client::{self, Account, Order, OrderStatus},
    events::AutomationEvent as Event,
    failure,
    keystore::KeystoreError,
    patience::Patience,
    server::Server,
};
use api::acme::v1::{CertificateObtained, Failure, ServerRegistered, Step};

use super::{Halt, Held, Interrupted, Orders, Stop};

/// An order as the CA answered it, and how long it wants to be left alone.
pub(super) type Answered = (Order, Option<Duration>);

impl Orders {
    /// From wherever the order is to the certificate in the keystore.
    pub(super) async fn work(&self, held: &mut Held) -> Result<CertificateObtained, Stop> {
        let give_up = self.clock.now() + self.config.order_limit();
        let account = self.account(held).await?;
        let (url, (mut order, mut retry_after)) = self.place(held, &account).await?;
        let (mut answered, mut finalized) = (false, false);
        // While the CA compares our answers with the account's key, that stays the same.
        let mut proving = None;
        let mut pause = FIRST_PAUSE;
        loop {
            match order.status {
                OrderStatus::Valid => return self.keep(held, &account, &order).await,
                OrderStatus::Invalid => return Err(self.invalid(held, &account, &order).await),
                OrderStatus::Pending if !answered => {
                    drop(proving.replace(account.proving().await));
                    self.answer(held, &account, &order).await?;
                    (answered, pause) = (true, FIRST_PAUSE);
                }
                OrderStatus::Ready if !finalized => {
                    (order, retry_after) = self.finalize(held, &account, &url, &order).await?;
                    (finalized, pause) = (true, FIRST_PAUSE);
                    continue;
                }
                OrderStatus::Pending | OrderStatus::Ready | OrderStatus::Processing => {}
            }
            let wait = retry_after.unwrap_or_default().max(pause);
            if self.clock.now() + wait > give_up {
                let step = if finalized {
                    Step::Finalize
                } else {
                    Step::Authorize
                };
                let limit = self.config.order_limit().as_secs();
                return Err(failed(failure::too_slow(step, limit)));
            }
            self.rest(held, wait).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
            (order, retry_after) = self.read(&account, &url).await?;
            if order.status != OrderStatus::Pending {
                drop(proving.take());
            }
        }
    }

    /// The account at the order's server.
    async fn account(&self, held: &mut Held) -> Result<Arc<Account>, Stop> {
        let server = self.server(held).await?;
        held.directory_url.clone_from(&server.directory_url);
        let held = &*held;
        self.patiently(|| async {
            let account = self.accounts.at(held.server, &server, &held.origin).await;
            account.map_err(account_stop)
        })
        .await
    }

    async fn server(&self, held: &Held) -> Result<ServerRegistered, Stop> {
        let loaded = self.log.load::<Server>(&held.server.to_string()).await;
        let server = loaded.map_err(Interrupted::Log)?.state;
        match server.registered() {
            Ok(registered) => Ok(registered.what.clone()),
            Err(_) => Err(failed(failure::server_gone(&held.server.to_string()))),
        }
    }

    pub(super) async fn read(&self, account: &Account, url: &str) -> Result<Answered, Stop> {
        let read = || async { account.order(url).await.map_err(at(Step::Authorize)) };
        self.patiently(read).await
    }

    /// Sends the certificate request that the log holds, after putting it there.
    async fn finalize(
        &self,
        held: &mut Held,
        account: &Account,
        url: &str,
        order: &Order,
    ) -> Result<Answered, Stop> {
        let finalize = match held.finalize.clone() {
            Some(finalize) => finalize,
            None => self.intend_finalize(held).await?,
        };
        // Who has lost the lease must not finalize.
        self.keep_lease(held).await?;
        let lease_until = held.lease_until;
        let send = || async {
            // Nor on another try: the CA may have taken its time.
            if lease_until <= self.clock.now() {
                return Err(Halt::Lost(Refusal::LeaseLost).into());
            }
            let sent = account.finalize(&order.finalize, &finalize.csr_der).await;
            sent.map_err(at(Step::Finalize))
        };
        match self.patiently(send).await {
            // An earlier try got there, and its answer was lost.
            Err(Stop::Ca(_, error)) if error.is("orderNotReady") => self.read(account, url).await,
            sent => sent,
        }
    }

    async fn intend_finalize(&self, held: &mut Held) -> Result<Finalize, Stop> {
        let key_id = self
            .keystore
            .generate_key(
                &held.origin,
                &held.item("key"),
                held.requested.key_algorithm(),
            )
            .await
            .map_err(keystore_stop(Step::Finalize))?;
        let csr_der = self
            .keystore
            .sign_request(&held.origin, &held.item("csr"), &key_id, held.alt_names())
            .await
            .map_err(keystore_stop(Step::Finalize))?;
        self.keep_lease(held).await?;
        let command = Command::IntendFinalize {
            attempt: held.attempt,
            holder: self.config.replica.clone(),
            now: self.clock.now(),
            finalize: Finalize { key_id, csr_der },
        };
        let event = self.append(held, "finalize-intended", command).await?;
        let Event::FinalizeIntended(intended) = event else {
            return Err(Interrupted::Contended.into());
        };
        let finalize = Finalize {
            key_id: intended.key_id,
            csr_der: intended.csr_der,
        };
        held.finalize = Some(finalize.clone());
        Ok(finalize)
    }

    /// Why the CA has given the order up: the problems of its authorizations, else its own.
    async fn invalid(&self, held: &mut Held, account: &Account, order: &Order) -> Stop {
        let mut problems = Vec::new();
        for url in &order.authorizations {
            let read = || async {
                account
                    .authorization(url)
                    .await
                    .map_err(at(Step::Authorize))
            };
            match self.patiently(read).await {
                Ok(authorization) => {
                    let problem = authorization.problem().cloned();
                    problems.extend(problem.map(|p| (authorization.identifier.value, p)));
                }
                // The order is lost either way: its own problem has to do.
                Err(Stop::Ca(..)) => {}
                Err(stop) => return stop,
            }
        }
        match &order.error {
            Some(problem) if problems.is_empty() => {
                let step = match held.finalize {
                    Some(_) => Step::Finalize,
                    None => Step::Authorize,
                };
                at(step)(client::Error::Refused {
                    problem: Box::new(problem.clone()),
                    retry_after: None,
                })
            }
            _ => {
                held.unproved = problems.iter().map(|(name, _)| name.clone()).collect();
                let challenge = held.requested.challenge_type();
                failed(failure::challenges(&problems, challenge))
            }
        }
    }

    /// Does it, and again while the CA is in trouble and our patience lasts.
    pub(super) async fn patiently<T, F>(&self, act: impl Fn() -> F) -> Result<T, Stop>
    where
        F: Future<Output = Result<T, Stop>>,
    {
        let mut patience = Patience::until(self.clock.now() + self.config.patience());
        loop {
            let (step, error) = match act().await {
                Err(Stop::Ca(step, error)) => (step, error),
                done => return done,
            };
            match patience.after(&error, self.clock.now()) {
                Some(pause) => {
                    tracing::warn!(error = %error, pause = ?pause, "the ca is in trouble, trying again");
                    self.sleep(pause).await?;
                }
                None => return Err(Stop::Ca(step, error)),
            }
        }
    }

    /// Leaves the CA alone for a while, which may be longer than the lease: that is kept meanwhile.
    pub(super) async fn rest(&self, held: &mut Held, wait: Duration) -> Result<(), Halt> {
        let until = self.clock.now() + wait;
        loop {
            let left = Duration::try_from(until - self.clock.now()).unwrap_or_default();
            self.sleep(left.min(self.config.lease() / 4)).await?;
            self.keep_lease(held).await?;
            if self.clock.now() >= until {
                return Ok(());
            }
        }
    }

    async fn sleep(&self, duration: Duration) -> Result<(), Halt> {
        tokio::select! {
            () = self.stopping.cancelled() => Err(Halt::Interrupted(Interrupted::Stopping)),
            () = self.clock.sleep(duration) => Ok(()),
        }
    }
}

pub(super) fn at(step: Step) -> impl FnOnce(client::Error) -> Stop {
    move |error| Stop::Ca(step, Box::new(error))
}

pub(super) fn failed(failure: Failure) -> Stop {
    Stop::Failed(Box::new(failure))
}

pub(super) fn keystore_stop(step: Step) -> impl FnOnce(KeystoreError) -> Stop {
    move |error| {
        if error.may_pass() {
            Interrupted::Keystore(error).into()
        } else {
            failed(failure::keystore(step, error.message()))
        }
    }
}

fn account_stop(error: AccountError) -> Stop {
    match error {
        AccountError::Ca(error) => at(Step::Connect)(error),
        AccountError::Roots(error) => failed(failure::roots(&error)),
        AccountError::Keystore(error) => keystore_stop(Step::Connect)(error),
        AccountError::Key(error) => failed(failure::account_key(&error.to_string())),
        AccountError::Database(error) => Interrupted::Database(error).into(),
    }
}

/// A test CA is done within it; a public one takes seconds.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

const LONGEST_PAUSE: Duration = Duration::from_secs(10);
