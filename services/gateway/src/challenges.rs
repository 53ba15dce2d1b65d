//! Answers to ACME challenges: acme-agent puts them into a bucket, every gateway finds them there.
//!
//! The bucket is watched into memory. What is not there yet is asked of the stream's leader, so that an
//! answer that was put a moment before the CA looks is found, whichever gateway the CA comes to.

use std::{
    collections::HashMap,
    error::Error,
    sync::{OnceLock, PoisonError, RwLock},
    time::{Duration, Instant},
};

use api::challenge::{BUCKET, LIFE, is_token};
use async_nats::{
    Client, HeaderMap,
    jetstream::{
        self,
        consumer::{DeliverPolicy, pull::OrderedConfig},
        stream::{LastRawMessageErrorKind, Stream},
    },
};
use futures_util::StreamExt;
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::backoff::Backoff;

/// What the bucket holds, as far as it is known here.
pub struct Challenges {
    answers: RwLock<HashMap<String, Answer>>,
    client: OnceLock<Client>,
    lookups: Semaphore,
}

struct Answer {
    key_authorization: String,
    /// The bucket forgets it too, without a word.
    until: Instant,
}

/// It cannot be told whether there is an answer.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// No connection to NATS yet.
    #[error("not connected to NATS yet")]
    NotConnected,
    /// Too many others are being looked for, or NATS takes too long.
    #[error("NATS did not answer in time")]
    Late,
    /// NATS refused.
    #[error("cannot read the bucket")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
}

impl Challenges {
    /// Nothing known yet.
    pub fn new() -> Challenges {
        Challenges {
            answers: RwLock::default(),
            client: OnceLock::new(),
            lookups: Semaphore::new(MAX_LOOKUPS),
        }
    }

    /// Watches the bucket until `stopping`, on the connection that `connect` makes.
    pub async fn follow<F, E>(&self, connect: impl Fn() -> F, stopping: &CancellationToken)
    where
        F: Future<Output = Result<Client, E>>,
        E: Error + 'static,
    {
        let mut backoff = Backoff::new();
        let work = async {
            loop {
                match connect().await {
                    Ok(client) => {
                        let client = self.client.get_or_init(|| client).clone();
                        let ended = self.watch(client, &mut backoff).await;
                        warn!(
                            error = &*ended as &dyn Error,
                            "cannot watch challenges, asking for each"
                        );
                    }
                    Err(e) => warn!(
                        error = &e as &dyn Error,
                        "cannot connect to NATS, no challenge is answered"
                    ),
                }
                tokio::time::sleep(backoff.wait()).await;
            }
        };
        stopping.run_until_cancelled(work).await;
    }

    /// The key authorization for a token, where acme-agent has left one. What cannot be a token is not looked for.
    ///
    /// # Errors
    /// [`LookupError`] where that cannot be told.
    pub async fn answer_to(&self, token: &str) -> Result<Option<String>, LookupError> {
        if !is_token(token) {
            return Ok(None);
        }
        if let Some(known) = self.known(token) {
            return Ok(Some(known));
        }
        timeout(LOOKUP, self.look_up(token))
            .await
            .unwrap_or(Err(LookupError::Late))
    }

    fn known(&self, token: &str) -> Option<String> {
        let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.get(token)?;
        (answer.until > Instant::now()).then(|| answer.key_authorization.clone())
    }

    /// Asks the stream's leader: a direct get may be answered by a replica that is behind.
    async fn look_up(&self, token: &str) -> Result<Option<String>, LookupError> {
        let client = self.client.get().ok_or(LookupError::NotConnected)?;
        let _place = self
            .lookups
            .acquire()
            .await
            .map_err(|_| LookupError::Late)?;
        let stream = bucket(client.clone())
            .await
            .map_err(LookupError::Unreadable)?;
        match stream
            .get_last_raw_message_by_subject(&format!("{SUBJECT}{token}"))
            .await
        {
            Ok(message) => Ok(key_authorization(
                token,
                Some(&message.headers),
                &message.payload,
            )),
            Err(e) if e.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(e) => Err(LookupError::Unreadable(e.into())),
        }
    }

    async fn watch(&self, client: Client, backoff: &mut Backoff) -> Box<dyn Error + Send + Sync> {
        match self.try_watch(client, backoff).await {
            Ok(()) => "the watch has ended".into(),
            Err(e) => e,
        }
    }

    async fn try_watch(
        &self,
        client: Client,
        backoff: &mut Backoff,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let newest_of_each = OrderedConfig {
            deliver_policy: DeliverPolicy::LastPerSubject,
            filter_subject: format!("{SUBJECT}>"),
            ..OrderedConfig::default()
        };
        let consumer = bucket(client)
            .await?
            .create_consumer(newest_of_each)
            .await?;
        let mut entries = consumer.messages().await?;
        info!("watching challenges");
        backoff.reset();
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            let entry = tokio::select! {
                entry = entries.next() => entry,
                _ = sweep.tick() => {
                    self.forget_old();
                    continue;
                }
            };
            let Some(entry) = entry.transpose()? else {
                return Ok(());
            };
            if let Some(token) = entry.subject.strip_prefix(SUBJECT) {
                self.take_in(token, entry.headers.as_ref(), &entry.payload);
            }
        }
    }

    fn take_in(&self, token: &str, headers: Option<&HeaderMap>, payload: &[u8]) {
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        match key_authorization(token, headers, payload) {
            Some(key_authorization) => {
                let until = Instant::now() + LIFE;
                answers.insert(
                    token.to_owned(),
                    Answer {
                        key_authorization,
                        until,
                    },
                );
            }
            None => {
                answers.remove(token);
            }
        }
    }

    fn forget_old(&self) {
        let now = Instant::now();
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|_, answer| answer.until > now);
    }
}

async fn bucket(client: Client) -> Result<Stream<()>, Box<dyn Error + Send + Sync>> {
    Ok(jetstream::new(client)
        .get_stream_no_info(format!("KV_{BUCKET}"))
        .await?)
}

/// An entry's key authorization: the token, a dot, and the account key's thumbprint (RFC 8555, section 8.1).
/// Nothing else is repeated to strangers, whatever stands in the bucket.
fn key_authorization(token: &str, headers: Option<&HeaderMap>, payload: &[u8]) -> Option<String> {
    // Deleted and purged entries stay in the stream as markers.
    if headers.is_some_and(|headers| {
        headers
            .get("KV-Operation")
            .is_some_and(|op| op.as_str() != "PUT")
    }) {
        return None;
    }
    let text = std::str::from_utf8(payload).ok()?;
    let thumbprint = text.strip_prefix(token)?.strip_prefix('.')?;
    is_token(thumbprint).then(|| text.to_owned())
}

/// The subject of a key in [`BUCKET`], without the key.
const SUBJECT: &str = "$KV.chancery_challenges.";

/// How many strangers' tokens are looked for at once.
const MAX_LOOKUPS: usize = 32;

/// How long a look-up may take: a CA waits for about ten seconds.
const LOOKUP: Duration = Duration::from_secs(3);

/// How often answers that have had their time are dropped from memory.
const SWEEP: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
