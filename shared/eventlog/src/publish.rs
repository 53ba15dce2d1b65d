//! One append, and what the server says to it.

use std::time::Duration;

use async_nats::{
    HeaderValue, RequestErrorKind,
    client::Request,
    jetstream::{ErrorCode, publish::PublishAck, response::Response},
};

use crate::{error::LogError, log::EventLog, subject, wire::Outgoing};

/// What became of an append.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It is stored, at this sequence, and synced.
    Stored(u64),
    /// The aggregate has other events than were expected. On one server this is also the answer to
    /// an event that is stored already: the sequence is checked before the message id.
    Conflict,
    /// An event of this id is stored already (the answer of a cluster).
    Duplicate,
    /// Nobody answered in time: it may be stored, or be stored yet.
    None(String),
}

impl EventLog {
    /// Publishes an event on the condition that the aggregate's last sequence is the one given.
    /// One round trip.
    pub(crate) async fn publish(
        &self,
        outgoing: &Outgoing<'_>,
        body: Vec<u8>,
        last_sequence: u64,
    ) -> Result<Answer, LogError> {
        let mut headers = outgoing.headers()?;
        // The server does not check that the filter covers the subject: both are made from the same parts.
        let filter = subject::of_one(outgoing.aggregate, outgoing.id);
        headers.insert(EXPECTED_SEQUENCE, HeaderValue::from(last_sequence));
        headers.insert(EXPECTED_FILTER, filter.as_str());
        let request = Request::new()
            .headers(headers)
            .payload(body.into())
            .timeout(Some(ACK_WAIT));
        let subject = subject::event(outgoing.aggregate, outgoing.id, outgoing.event);
        let message = match self.client().send_request(subject, request).await {
            Ok(message) => message,
            Err(e) => {
                return match e.kind() {
                    RequestErrorKind::TimedOut
                    | RequestErrorKind::NoResponders
                    | RequestErrorKind::Other => Ok(Answer::None(e.to_string())),
                    RequestErrorKind::MaxPayloadExceeded => Err(LogError::TooLarge(e.into())),
                    RequestErrorKind::InvalidSubject => Err(LogError::Refused(e.into())),
                };
            }
        };
        match serde_json::from_slice::<Response<PublishAck>>(&message.payload) {
            Ok(Response::Ok(ack)) if ack.duplicate => Ok(Answer::Duplicate),
            Ok(Response::Ok(ack)) => Ok(Answer::Stored(ack.sequence)),
            Ok(Response::Err { error }) => match error.error_code() {
                ErrorCode::STREAM_WRONG_LAST_SEQUENCE
                | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => Ok(Answer::Conflict),
                // An earlier try of this event waits for the other servers of a cluster.
                ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT => Ok(Answer::None(error.to_string())),
                ErrorCode::STREAM_STORE_FAILED
                | ErrorCode::STORAGE_RESOURCES_EXCEEDED
                | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
                | ErrorCode::INSUFFICIENT_RESOURCES => Err(LogError::Full),
                ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM => Err(LogError::TooLarge(error.into())),
                _ => Err(LogError::Refused(error.into())),
            },
            Err(e) => Ok(Answer::None(e.to_string())),
        }
    }
}

/// How long an acknowledgement may take; a synced write takes a millisecond or two.
const ACK_WAIT: Duration = Duration::from_secs(2);

/// The sequence of the aggregate's event before this one, 0 for its first.
pub(crate) const EXPECTED_SEQUENCE: &str = "Nats-Expected-Last-Subject-Sequence";
/// The aggregate, as a filter.
pub(crate) const EXPECTED_FILTER: &str = "Nats-Expected-Last-Subject-Sequence-Subject";
