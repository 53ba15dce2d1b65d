//! Proving control over every name of an order, as the CA asks for it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use api::acme::v1::{ChallengeType, Step};
use futures_util::{StreamExt, TryStreamExt, future::join_all, stream};
use uuid::Uuid;

use crate::{
    challenge::{
        self,
        bucket::AnswerError,
        dns01::{self, Dns01Error, Wanted, Written},
    },
    client::{Account, AuthorizationStatus, Challenge, ChallengeStatus, Order},
    failure,
    providers::OpenError,
};

use super::{
    Held, Interrupted, Orders, Stop,
    steps::{at, failed},
};

/// A challenge whose answer is in place.
struct Answered {
    challenge: Challenge,
    /// Its record, where it is DNS-01.
    record: Option<Written>,
}

impl Orders {
    /// Puts the answers to all challenges in place, and tells the CA.
    pub(super) async fn answer(
        &self,
        held: &mut Held,
        account: &Account,
        order: &Order,
    ) -> Result<(), Stop> {
        let holding = &*held;
        let answered = stream::iter(order.authorizations.clone())
            .map(|url| async move {
                // Read anew at each try: a challenge that the CA has taken up is not answered again.
                self.patiently(|| self.answer_one(holding, account, &url))
                    .await
            })
            .buffer_unordered(AUTHORIZATIONS_AT_A_TIME)
            .try_collect::<Vec<_>>()
            .await?;
        let answered = answered.into_iter().flatten().collect::<Vec<_>>();
        let records = answered.iter().filter_map(|one| one.record.clone());
        self.until_shown(held, records.collect()).await?;
        stream::iter(answered)
            .map(|one| self.respond(account, one.challenge))
            .buffer_unordered(AUTHORIZATIONS_AT_A_TIME)
            .try_collect()
            .await
    }

    /// The order is over: its records are to go. Of one that another agent works on now they stay, for they are
    /// that one's as well.
    pub(super) async fn withdraw(&self, held: &Held) {
        if held.requested.challenge_type() != ChallengeType::Dns01 {
            return;
        }
        if let Err(error) = self.proofs.dns01.release(&held.item("order")).await {
            let error = crate::worker::chain(&error);
            tracing::warn!(error, "the records of an order are taken away later");
        }
    }

    /// `None`: there is nothing to prove.
    async fn answer_one(
        &self,
        held: &Held,
        account: &Account,
        url: &str,
    ) -> Result<Option<Answered>, Stop> {
        let authorization = account
            .authorization(url)
            .await
            .map_err(at(Step::Authorize))?;
        if authorization.status != AuthorizationStatus::Pending {
            return Ok(None);
        }
        let wanted = held.requested.challenge_type();
        let challenge = challenge::choose(&authorization, wanted).map_err(Stop::Failed)?;
        let answer = account.key_authorization(&challenge.token);
        let name = &authorization.identifier.value;
        let record = match wanted {
            ChallengeType::Dns01 => Some(self.write(held, name, &answer).await?),
            ChallengeType::TlsAlpn01 => {
                let put = self.proofs.answers.put_tls_alpn_01(name, &answer).await;
                put.map_err(|error| answer_stop(name, error))?;
                None
            }
            ChallengeType::Unspecified | ChallengeType::Http01 => {
                let put = self.proofs.answers.put_http_01(&challenge.token, answer);
                put.await.map_err(|error| answer_stop(name, error))?;
                None
            }
        };
        Ok(Some(Answered {
            challenge: challenge.clone(),
            record,
        }))
    }

    async fn write(&self, held: &Held, name: &str, answer: &str) -> Result<Written, Stop> {
        let holder = held.item("order");
        let wanted = Wanted {
            holder: &holder,
            // An id that is none finds no provider, and the order says so.
            provider: Uuid::parse_str(&held.requested.dns_provider_id).unwrap_or_default(),
            name,
            value: &dns01::value(answer),
            remove_at: self.clock.now() + self.config.order_limit() + self.config.lease(),
        };
        let written = self.proofs.dns01.write(wanted, &held.origin).await;
        written.map_err(|error| match error {
            Dns01Error::Open(OpenError::Log(error)) => Interrupted::Log(error).into(),
            Dns01Error::Open(OpenError::Keystore(error)) if error.may_pass() => {
                Interrupted::Keystore(error).into()
            }
            Dns01Error::Database(error) => Interrupted::Database(error).into(),
            error => failed(failure::dns01(&error)),
        })
    }

    /// Waits until every server of the zones shows the records, as long as the configuration says.
    async fn until_shown(&self, held: &mut Held, mut records: Vec<Written>) -> Result<(), Stop> {
        let limit = self.config.propagation();
        let give_up = self.clock.now() + limit;
        let mut pause = FIRST_PAUSE;
        loop {
            let looked = join_all(records.into_iter().map(|record| async move {
                let missing = record.missing().await;
                (record, missing)
            }));
            let looked = looked.await.into_iter();
            let missed = looked.filter(|(_, missing)| !missing.is_empty());
            let missed = missed.collect::<Vec<_>>();
            let Some((record, missing)) = missed.first() else {
                return Ok(());
            };
            if self.clock.now() >= give_up {
                let owner = record.owner();
                return Err(failed(failure::not_shown(&owner, missing, limit.as_secs())));
            }
            tracing::debug!(
                owner = record.owner(),
                server = missing[0].server,
                "not every server shows the record yet"
            );
            records = missed.into_iter().map(|(record, _)| record).collect();
            self.rest(held, pause).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn respond(&self, account: &Account, challenge: Challenge) -> Result<(), Stop> {
        if challenge.status != ChallengeStatus::Pending {
            return Ok(());
        }
        let again = AtomicBool::new(false);
        let tell = || async {
            let again = again.swap(true, Ordering::Relaxed);
            match account.respond(&challenge.url).await {
                // An earlier try got there, and its answer was lost: what came of it, the order says.
                Err(error) if again && error.is("malformed") => Ok(()),
                told => told.map_err(at(Step::Authorize)),
            }
        };
        self.patiently(tell).await
    }
}

fn answer_stop(name: &str, error: AnswerError) -> Stop {
    match error {
        AnswerError::Token => failed(failure::odd_token(name)),
        AnswerError::Identifier => failed(failure::odd_identifier(name)),
        AnswerError::Bucket(error) => Interrupted::Answer(error).into(),
    }
}

/// Between two looks at the zones' servers; then twice that, and so on.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Of one order with many names.
const AUTHORIZATIONS_AT_A_TIME: usize = 4;
