//! The events of one aggregate, as the stream's leader has them.
//!
//! A batched direct get brings them all in one round trip, but any replica may answer it, also one
//! that lags behind. So the leader is asked at the same time for the last one; where it knows more,
//! the rest is fetched from it.

use std::time::Duration;

use async_nats::{
    StatusCode,
    jetstream::{
        self,
        message::StreamMessage,
        stream::{RawMessageErrorKind, Stream},
    },
};
use futures_util::StreamExt as _;

use crate::{envelope::Recorded, error::LogError, subject, wire};

/// How long an answer may take.
pub(crate) const ANSWER_WAIT: Duration = Duration::from_secs(2);

/// The events under a filter (see [`subject::of_one`]), oldest first.
pub(crate) async fn all_of(
    context: &jetstream::Context,
    filter: &str,
) -> Result<Vec<Recorded>, LogError> {
    let stream = log_stream(context).await?;
    let (replica, leader) = tokio::join!(direct(context, filter), last(&stream, filter));
    let mut events = replica?;
    let Some(last) = leader? else {
        return Ok(events);
    };
    while events.last().is_none_or(|e| e.sequence < last.sequence) {
        let from = events.last().map_or(1, |e| e.sequence + 1);
        let request = stream
            .raw_message_builder()
            .sequence(from)
            .next_by_subject(filter);
        let Some(message) = found(request.send().await)? else {
            // Events are never deleted, so what the leader had a moment ago is there.
            return Err(LogError::Damaged(format!(
                "event {} ({filter}) has vanished",
                last.sequence
            )));
        };
        events.push(read(message)?);
    }
    Ok(events)
}

/// The event at a sequence, from the leader; `None` where there is none.
pub(crate) async fn at(
    context: &jetstream::Context,
    sequence: u64,
) -> Result<Option<Recorded>, LogError> {
    let stream = log_stream(context).await?;
    let answer = stream.raw_message_builder().sequence(sequence).send().await;
    found(answer)?.map(read).transpose()
}

/// The handle to the log's stream; asks nobody.
pub(crate) async fn log_stream(context: &jetstream::Context) -> Result<Stream<()>, LogError> {
    context
        .get_stream_no_info(subject::STREAM)
        .await
        .map_err(|e| LogError::Unavailable(e.into()))
}

async fn last(stream: &Stream<()>, filter: &str) -> Result<Option<Recorded>, LogError> {
    let request = stream.raw_message_builder().last_by_subject(filter);
    found(request.send().await)?.map(read).transpose()
}

/// One or more batched direct gets (ADR-31).
async fn direct(context: &jetstream::Context, filter: &str) -> Result<Vec<Recorded>, LogError> {
    let mut events: Vec<Recorded> = Vec::new();
    loop {
        let from = events.last().map_or(1, |e| e.sequence + 1);
        if !direct_batch(context, filter, from, &mut events).await? {
            return Ok(events);
        }
    }
}

/// Adds a batch; says whether there is more.
async fn direct_batch(
    context: &jetstream::Context,
    filter: &str,
    from: u64,
    events: &mut Vec<Recorded>,
) -> Result<bool, LogError> {
    let unavailable = |e: Box<dyn std::error::Error + Send + Sync>| LogError::Unavailable(e);
    let client = context.client();
    let inbox = client.new_inbox();
    let mut answers = client
        .subscribe(inbox.clone())
        .await
        .map_err(|e| unavailable(e.into()))?;
    let request =
        serde_json::json!({ "batch": BATCH, "seq": from, "next_by_subj": filter }).to_string();
    let address = format!("$JS.API.DIRECT.GET.{}", subject::STREAM);
    client
        .publish_with_reply(address, inbox, request.into())
        .await
        .map_err(|e| unavailable(e.into()))?;
    loop {
        let answer = tokio::time::timeout(ANSWER_WAIT, answers.next())
            .await
            .map_err(|e| unavailable(e.into()))?
            .ok_or_else(|| unavailable("the connection was closed".into()))?;
        match answer.status {
            None => events.push(read(StreamMessage::try_from(answer).map_err(|e| {
                LogError::Damaged(format!("an answer without the log's headers: {e}"))
            })?)?),
            Some(StatusCode::NOT_FOUND) => return Ok(false),
            Some(status) if status.as_u16() == END_OF_BATCH => {
                let pending = answer
                    .headers
                    .as_ref()
                    .and_then(|h| h.get(PENDING))
                    .is_some_and(|p| p.as_str() != "0");
                return Ok(pending);
            }
            Some(status) => {
                let text = answer.description.unwrap_or_default();
                return Err(unavailable(format!("status {status}: {text}").into()));
            }
        }
    }
}

fn found(
    answer: Result<StreamMessage, jetstream::stream::RawMessageError>,
) -> Result<Option<StreamMessage>, LogError> {
    match answer {
        Ok(message) => Ok(Some(message)),
        Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(e) => Err(LogError::Unavailable(e.into())),
    }
}

fn read(message: StreamMessage) -> Result<Recorded, LogError> {
    wire::recorded(
        message.sequence,
        message.time,
        &message.subject,
        &message.headers,
        message.payload,
    )
}

/// Messages per direct get.
const BATCH: u32 = 256;
const END_OF_BATCH: u16 = 204;
const PENDING: &str = "Nats-Num-Pending";
