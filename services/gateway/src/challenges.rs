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

use api::challenge::{BUCKET, LIFE, Proof, is_token, server_name, tls_alpn_01_key};
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
    text: String,
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
        self.entry(token).await
    }

    /// What proves control over the identifier that is asked for by this server name (RFC 8737), where acme-agent
    /// has left it. What cannot be a server name is not looked for.
    ///
    /// # Errors
    /// [`LookupError`] where that cannot be told.
    pub async fn proof_for(&self, server_name: &str) -> Result<Option<Proof>, LookupError> {
        let Some(key) = tls_alpn_01_key(server_name) else {
            return Ok(None);
        };
        let text = self.entry(&key).await?;
        Ok(text.and_then(|text| Proof::from_text(&text)))
    }

    async fn entry(&self, key: &str) -> Result<Option<String>, LookupError> {
        if let Some(known) = self.known(key) {
            return Ok(Some(known));
        }
        timeout(LOOKUP, self.look_up(key))
            .await
            .unwrap_or(Err(LookupError::Late))
    }

    fn known(&self, key: &str) -> Option<String> {
        let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.get(key)?;
        (answer.until > Instant::now()).then(|| answer.text.clone())
    }

    /// Asks the stream's leader: a direct get may be answered by a replica that is behind.
    async fn look_up(&self, key: &str) -> Result<Option<String>, LookupError> {
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
            .get_last_raw_message_by_subject(&format!("{SUBJECT}{key}"))
            .await
        {
            Ok(message) => Ok(text(key, Some(&message.headers), &message.payload)),
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
            if let Some(key) = entry.subject.strip_prefix(SUBJECT) {
                self.take_in(key, entry.headers.as_ref(), &entry.payload);
            }
        }
    }

    fn take_in(&self, key: &str, headers: Option<&HeaderMap>, payload: &[u8]) {
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        match text(key, headers, payload) {
            Some(text) => {
                let until = Instant::now() + LIFE;
                answers.insert(key.to_owned(), Answer { text, until });
            }
            None => {
                answers.remove(key);
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

/// What an entry holds: of a token, its key authorization; of a server name, a proof for its identifier.
/// Nothing else is repeated to strangers, whatever stands in the bucket.
fn text(key: &str, headers: Option<&HeaderMap>, payload: &[u8]) -> Option<String> {
    // Deleted and purged entries stay in the stream as markers.
    if headers.is_some_and(|headers| {
        headers
            .get("KV-Operation")
            .is_some_and(|op| op.as_str() != "PUT")
    }) {
        return None;
    }
    let text = std::str::from_utf8(payload).ok()?;
    (is_key_authorization(text, key) || is_proof(text, key)).then(|| text.to_owned())
}

/// The token, a dot, and the account key's thumbprint (RFC 8555, section 8.1).
fn is_key_authorization(text: &str, token: &str) -> bool {
    let thumbprint = text.strip_prefix(token).and_then(|t| t.strip_prefix('.'));
    is_token(token) && thumbprint.is_some_and(is_token)
}

fn is_proof(text: &str, key: &str) -> bool {
    let identifier = Proof::from_text(text).map(|proof| proof.identifier);
    let own = identifier.and_then(|identifier| tls_alpn_01_key(&server_name(&identifier)));
    own.as_deref() == Some(key)
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
