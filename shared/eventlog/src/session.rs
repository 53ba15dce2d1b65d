//! Reading through one consumer.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use futures_util::StreamExt as _;
use time::OffsetDateTime;

use crate::{envelope::Recorded, error::LogError, log::EventLog, proof::Stored, read, wire};

/// One consumer on the server, for as long as nothing comes between: events in order, without gaps.
pub(crate) struct Session {
    messages: pull::Stream,
    delivered: u64,
}

/// Why a session ended.
pub(crate) enum Interruption {
    /// The consumer or the connection is gone: a new session goes on where this one ended.
    Lost(String),
    /// What came is not one of our events; a new session would meet it again.
    Damaged(LogError),
}

impl Session {
    /// Asks for the events past `after` that fall under one of the filters; all, where there are none.
    pub async fn open(log: &EventLog, filters: &[String], after: u64) -> Result<Self, LogError> {
        let config = pull::Config {
            filter_subjects: filters.to_vec(),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: after + 1,
            },
            // Nothing to acknowledge: where a reader stands is the reader's knowledge.
            ack_policy: AckPolicy::None,
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: ABANDONED_AFTER,
            ..Default::default()
        };
        let unavailable = |e: Box<dyn std::error::Error + Send + Sync>| LogError::Unavailable(e);
        let stream = read::log_stream(log.context()).await?;
        let consumer: PullConsumer = stream
            .create_consumer(config)
            .await
            .map_err(|e| unavailable(e.into()))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(REQUESTED)
            .expires(REQUEST_LIFE)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(|e| unavailable(e.into()))?;
        Ok(Self {
            messages,
            delivered: 0,
        })
    }

    /// The next event, when there is one.
    pub async fn next(&mut self) -> Result<Recorded, Interruption> {
        let Delivered {
            sequence,
            stored,
            message,
            ..
        } = self.deliver().await?;
        let headers = message.headers.unwrap_or_default();
        wire::recorded(
            sequence,
            stored,
            &message.subject,
            &headers,
            message.payload,
        )
        .map_err(Interruption::Damaged)
    }

    /// The next event as it lies there, whatever it is; and how many there are behind it.
    pub async fn next_stored(&mut self) -> Result<(Stored, u64), Interruption> {
        let Delivered {
            sequence,
            stored,
            behind,
            message,
        } = self.deliver().await?;
        let headers = message.headers.unwrap_or_default();
        let stored = Stored::of(
            sequence,
            stored,
            &message.subject,
            &headers,
            message.payload,
        );
        Ok((stored, behind))
    }

    async fn deliver(&mut self) -> Result<Delivered, Interruption> {
        let message = match self.messages.next().await {
            Some(Ok(message)) => message,
            Some(Err(e)) => return Err(Interruption::Lost(e.to_string())),
            None => return Err(Interruption::Lost("the consumer ended".to_owned())),
        };
        let info = message
            .info()
            .map_err(|e| Interruption::Lost(e.to_string()))?;
        let delivered = info.consumer_sequence;
        if delivered != self.delivered + 1 {
            return Err(Interruption::Lost(format!(
                "{delivered} was delivered after {}",
                self.delivered
            )));
        }
        self.delivered = delivered;
        let (sequence, stored, behind) = (info.stream_sequence, info.published, info.pending);
        let (message, _) = message.split();
        Ok(Delivered {
            sequence,
            stored,
            behind,
            message,
        })
    }
}

/// A message, and where it stands in the stream.
struct Delivered {
    sequence: u64,
    stored: OffsetDateTime,
    behind: u64,
    message: async_nats::Message,
}

/// Events that may be on their way: enough to keep the line full, few enough to keep memory flat.
const REQUESTED: usize = 1_000;
const REQUEST_LIFE: Duration = Duration::from_secs(30);
/// Two of them missed, and the session is lost: what a reader waits for after a server was restarted.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// The server forgets a consumer that nobody asked for this long.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);
