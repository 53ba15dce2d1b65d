//! The events of one aggregate, as the stream's leader has them.
//!
//! The leader is asked first which kinds of event the aggregate has, and how many of each; then they
//! come by batched direct gets, all kinds at once. A replica that answers those may lag behind: what it
//! does not have yet is fetched from the leader. (One direct get with a wildcard would be simpler, but
//! between two matches the server reads every message of a block: 10 ms where this takes 1.)

use std::{collections::HashMap, time::Duration};

use async_nats::{
    HeaderMap, StatusCode,
    jetstream::{
        self,
        message::StreamMessage,
        response::Response,
        stream::{RawMessageErrorKind, Stream},
    },
};
use futures_util::{StreamExt as _, future::try_join_all};
use serde::Deserialize;

use crate::{envelope::Recorded, error::LogError, subject, wire};

/// How long an answer may take.
pub(crate) const ANSWER_WAIT: Duration = Duration::from_secs(2);

/// The events under a filter (see [`subject::of_one`]), oldest first.
pub(crate) async fn all_of(
    context: &jetstream::Context,
    filter: &str,
) -> Result<Vec<Recorded>, LogError> {
    let kinds = counts(context, filter).await?;
    let reads = kinds
        .iter()
        .map(|(subject, count)| of_subject(context, subject, *count));
    let mut events = try_join_all(reads).await?.concat();
    events.sort_unstable_by_key(|e| e.sequence);
    Ok(events)
}

/// The event at a sequence, from the leader; `None` where there is none.
pub(crate) async fn at(
    context: &jetstream::Context,
    sequence: u64,
) -> Result<Option<Recorded>, LogError> {
    message_at(context, sequence).await?.map(read).transpose()
}

/// The message at a sequence, likewise, whatever it is.
pub(crate) async fn message_at(
    context: &jetstream::Context,
    sequence: u64,
) -> Result<Option<StreamMessage>, LogError> {
    let stream = log_stream(context).await?;
    let answer = stream.raw_message_builder().sequence(sequence).send().await;
    found(answer)
}

/// The handle to the log's stream; asks nobody.
pub(crate) async fn log_stream(context: &jetstream::Context) -> Result<Stream<()>, LogError> {
    context
        .get_stream_no_info(subject::STREAM)
        .await
        .map_err(|e| LogError::Unavailable(e.into()))
}

/// How many events there are of each subject under a filter, all counted at one moment.
async fn counts(
    context: &jetstream::Context,
    filter: &str,
) -> Result<HashMap<String, usize>, LogError> {
    let unavailable = |e: Box<dyn std::error::Error + Send + Sync>| LogError::Unavailable(e);
    let address = format!("STREAM.INFO.{}", subject::STREAM);
    let question = serde_json::json!({ "subjects_filter": filter });
    match context.request(address, &question).await {
        Ok(Response::Ok(Counted { state })) => Ok(state.subjects.unwrap_or_default()),
        Ok(Response::Err { error }) => Err(unavailable(error.into())),
        Err(e) => Err(unavailable(e.into())),
    }
}

/// The first `count` events of one subject.
async fn of_subject(
    context: &jetstream::Context,
    subject: &str,
    count: usize,
) -> Result<Vec<Recorded>, LogError> {
    let mut events: Vec<Recorded> = Vec::with_capacity(count);
    while direct_batch(context, subject, count, &mut events).await? {}
    let stream = log_stream(context).await?;
    while events.len() < count {
        let request = stream
            .raw_message_builder()
            .sequence(events.last().map_or(1, |e| e.sequence + 1))
            .next_by_subject(subject);
        let Some(message) = found(request.send().await)? else {
            // Events are never deleted, so what the leader counted a moment ago is there.
            return Err(LogError::Damaged(format!(
                "of {count} events {subject} the last has vanished"
            )));
        };
        events.push(read(message)?);
    }
    Ok(events)
}

/// Adds what one batched direct get (ADR-31) brings; says whether to ask for more.
async fn direct_batch(
    context: &jetstream::Context,
    subject: &str,
    count: usize,
    events: &mut Vec<Recorded>,
) -> Result<bool, LogError> {
    let unavailable = |e: Box<dyn std::error::Error + Send + Sync>| LogError::Unavailable(e);
    let client = context.client();
    let inbox = client.new_inbox();
    let mut answers = client
        .subscribe(inbox.clone())
        .await
        .map_err(|e| unavailable(e.into()))?;
    let request = serde_json::json!({
        "batch": (count - events.len()).min(BATCH),
        "seq": events.last().map_or(1, |e| e.sequence + 1),
        "next_by_subj": subject,
    });
    let address = format!("$JS.API.DIRECT.GET.{}", subject::STREAM);
    client
        .publish_with_reply(address, inbox, request.to_string().into())
        .await
        .map_err(|e| unavailable(e.into()))?;
    loop {
        let answer = tokio::time::timeout(ANSWER_WAIT, answers.next())
            .await
            .map_err(|e| unavailable(e.into()))?
            .ok_or_else(|| unavailable("the connection was closed".into()))?;
        match answer.status {
            None => {
                let mut message = StreamMessage::try_from(answer).map_err(|e| {
                    LogError::Damaged(format!("an answer without the log's headers: {e}"))
                })?;
                // What the server tells of the answer is no part of the event.
                let mut stored = HeaderMap::new();
                for (name, values) in message.headers.iter() {
                    if !OF_ANSWERS.contains(&name.as_ref()) {
                        let values = values.iter().cloned();
                        values.for_each(|value| stored.append(name.clone(), value));
                    }
                }
                message.headers = stored;
                events.push(read(message)?);
            }
            Some(StatusCode::NOT_FOUND) => return Ok(false),
            Some(status) if status.as_u16() == END_OF_BATCH => {
                let pending = answer.headers.as_ref().and_then(|h| h.get(PENDING));
                return Ok(events.len() < count && pending.is_some_and(|p| p.as_str() != "0"));
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

/// The part of a stream's info that counts.
#[derive(Deserialize)]
struct Counted {
    state: CountedState,
}

#[derive(Deserialize)]
struct CountedState {
    subjects: Option<HashMap<String, usize>>,
}

/// Messages per direct get.
const BATCH: usize = 256;
const END_OF_BATCH: u16 = 204;
const PENDING: &str = "Nats-Num-Pending";
/// Headers of a direct get's answer, beside the event's own.
const OF_ANSWERS: [&str; 7] = [
    "Nats-Stream",
    "Nats-Subject",
    "Nats-Sequence",
    "Nats-Time-Stamp",
    "Nats-Last-Sequence",
    "Nats-UpTo-Sequence",
    PENDING,
];
