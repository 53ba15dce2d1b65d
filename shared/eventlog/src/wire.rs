//! An event as a NATS message: CloudEvents 1.0, binary mode.
//!
//! The body is the proto message in proto3 JSON; everything else is in headers, so that any NATS
//! client can read it. `Nats-Msg-Id` is the event's id: ids are remembered for the whole stream.

use std::str::FromStr as _;

use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;
use opentelemetry::trace::TraceContextExt as _;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use uuid::Uuid;

use crate::{
    envelope::{Origin, Recorded},
    error::LogError,
    proof::leaf,
    subject,
};

/// What the headers of a new event say.
pub(crate) struct Outgoing<'a> {
    pub service: &'a str,
    pub aggregate: &'static str,
    pub id: &'a str,
    pub event: &'static str,
    pub schema: &'static str,
    pub event_id: Uuid,
    pub time: OffsetDateTime,
    pub origin: &'a Origin,
}

impl Outgoing<'_> {
    /// The headers of the message.
    ///
    /// # Errors
    /// [`LogError::InvalidHeader`] for a value with a line break in it.
    pub fn headers(&self) -> Result<HeaderMap, LogError> {
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: &str| -> Result<(), LogError> {
            let value = HeaderValue::from_str(value).map_err(|_| LogError::InvalidHeader(name))?;
            headers.insert(name, value);
            Ok(())
        };
        let event_id = self.event_id.to_string();
        set(MESSAGE_ID, &event_id)?;
        set(SPEC_VERSION, "1.0")?;
        set(ID, &event_id)?;
        set(TYPE, &format!("chancery.{}.{}", self.aggregate, self.event))?;
        set(SOURCE, &format!("/chancery/{}", self.service))?;
        set(SUBJECT, self.id)?;
        set(TIME, &rfc3339(self.time)?)?;
        set(DATA_SCHEMA, &format!("{SCHEMA_SCHEME}{}", self.schema))?;
        set(DATA_CONTENT_TYPE, "application/json")?;
        set(ACTOR, &self.origin.actor)?;
        set(CORRELATION_ID, &self.origin.correlation_id.to_string())?;
        if let Some(causation_id) = self.origin.causation_id {
            set(CAUSATION_ID, &causation_id.to_string())?;
        }
        set(REQUEST_ID, &self.origin.request_id)?;
        set(REQUEST_DIGEST, &self.origin.request_digest)?;
        if let Some(traceparent) = traceparent() {
            set(TRACEPARENT, &traceparent)?;
        }
        Ok(headers)
    }
}

/// Reads a stored message.
///
/// # Errors
/// [`LogError::Damaged`] for what is not one of our events.
pub(crate) fn recorded(
    sequence: u64,
    stored: OffsetDateTime,
    subject: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Recorded, LogError> {
    let damaged = |what: &str| LogError::Damaged(format!("event {sequence} ({subject}) {what}"));
    let parts = subject::parse(subject).ok_or_else(|| damaged("has no subject of ours"))?;
    let mut found = Headers::default();
    // One pass: a look-up by name would copy each name.
    for (name, values) in headers.iter() {
        if let Some(value) = values.first() {
            found.take(name.as_ref(), value.as_str());
        }
    }
    Ok(Recorded {
        sequence,
        aggregate: parts.aggregate.to_owned(),
        id: parts.id.to_owned(),
        event: parts.event.to_owned(),
        event_id: found.id.ok_or_else(|| damaged("has no ce-id"))?,
        time: found.time.ok_or_else(|| damaged("has no ce-time"))?,
        stored,
        actor: found.actor.ok_or_else(|| damaged("has no ce-actor"))?,
        correlation_id: found
            .correlation_id
            .ok_or_else(|| damaged("has no ce-correlationid"))?,
        causation_id: found.causation_id,
        request_id: found
            .request_id
            .ok_or_else(|| damaged("has no ce-requestid"))?,
        request_digest: found
            .request_digest
            .ok_or_else(|| damaged("has no ce-requestdigest"))?,
        schema: found
            .schema
            .ok_or_else(|| damaged("has no ce-dataschema"))?,
        traceparent: found.traceparent,
        leaf: leaf::of_message(sequence, stored, subject, headers, &body),
        body,
    })
}

/// A time as the log has it: microseconds, so that it is the same before and after a round trip.
pub(crate) fn whole_microseconds(time: OffsetDateTime) -> OffsetDateTime {
    time - time::Duration::nanoseconds(i64::from(time.nanosecond() % 1_000))
}

#[derive(Default)]
struct Headers {
    id: Option<Uuid>,
    time: Option<OffsetDateTime>,
    schema: Option<String>,
    actor: Option<String>,
    correlation_id: Option<Uuid>,
    causation_id: Option<Uuid>,
    request_id: Option<String>,
    request_digest: Option<String>,
    traceparent: Option<String>,
}

impl Headers {
    fn take(&mut self, name: &str, value: &str) {
        match name {
            ID => self.id = value.parse().ok(),
            TIME => self.time = OffsetDateTime::parse(value, &Rfc3339).ok(),
            DATA_SCHEMA => self.schema = value.strip_prefix(SCHEMA_SCHEME).map(str::to_owned),
            ACTOR => self.actor = Some(value.to_owned()),
            CORRELATION_ID => self.correlation_id = value.parse().ok(),
            CAUSATION_ID => self.causation_id = value.parse().ok(),
            REQUEST_ID => self.request_id = Some(value.to_owned()),
            REQUEST_DIGEST => self.request_digest = Some(value.to_owned()),
            TRACEPARENT => self.traceparent = Some(value.to_owned()),
            _ => {}
        }
    }
}

fn rfc3339(time: OffsetDateTime) -> Result<String, LogError> {
    time.to_offset(time::UtcOffset::UTC)
        .format(&Rfc3339)
        .map_err(|_| LogError::InvalidHeader(TIME))
}

/// The W3C trace context of the current span, where there is one.
fn traceparent() -> Option<String> {
    let context = tracing::Span::current().context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| {
        format!(
            "00-{}-{}-{:02x}",
            span.trace_id(),
            span.span_id(),
            span.trace_flags()
        )
    })
}

const MESSAGE_ID: &str = "Nats-Msg-Id";
const SPEC_VERSION: &str = "ce-specversion";
const ID: &str = "ce-id";
const TYPE: &str = "ce-type";
const SOURCE: &str = "ce-source";
const SUBJECT: &str = "ce-subject";
const TIME: &str = "ce-time";
const DATA_SCHEMA: &str = "ce-dataschema";
// The NATS binding keeps Content-Type for structured mode.
const DATA_CONTENT_TYPE: &str = "ce-datacontenttype";
const ACTOR: &str = "ce-actor";
const CORRELATION_ID: &str = "ce-correlationid";
const CAUSATION_ID: &str = "ce-causationid";
const REQUEST_ID: &str = "ce-requestid";
const REQUEST_DIGEST: &str = "ce-requestdigest";
const TRACEPARENT: &str = "traceparent";

// CloudEvents wants an absolute URI.
const SCHEMA_SCHEME: &str = "proto:";

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn origin() -> Origin {
        Origin {
            actor: "token/7".into(),
            request_id: "r-1".into(),
            request_digest: "abcd".into(),
            correlation_id: Uuid::from_u128(3),
            causation_id: Some(Uuid::from_u128(4)),
            unchanged_since: None,
        }
    }

    fn outgoing(origin: &Origin) -> Outgoing<'_> {
        Outgoing {
            service: "keystore",
            aggregate: "key",
            id: "k1",
            event: "generated",
            schema: "chancery.keystore.v1.KeyGenerated",
            event_id: Uuid::from_u128(5),
            time: datetime!(2026-01-02 03:04:05.123456 UTC),
            origin,
        }
    }

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let origin = origin();
        let headers = outgoing(&origin).headers().expect("headers");
        let read = recorded(
            9,
            datetime!(2026-01-02 03:04:06 UTC),
            "chancery.events.key.k1.generated",
            &headers,
            Bytes::from_static(b"{}"),
        )
        .expect("ours");
        let expected = Recorded {
            sequence: 9,
            aggregate: "key".into(),
            id: "k1".into(),
            event: "generated".into(),
            event_id: Uuid::from_u128(5),
            time: datetime!(2026-01-02 03:04:05.123456 UTC),
            stored: datetime!(2026-01-02 03:04:06 UTC),
            actor: origin.actor,
            correlation_id: origin.correlation_id,
            causation_id: origin.causation_id,
            request_id: origin.request_id,
            request_digest: origin.request_digest,
            schema: "chancery.keystore.v1.KeyGenerated".into(),
            traceparent: None,
            leaf: read.leaf,
            body: Bytes::from_static(b"{}"),
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn any_cloud_events_reader_finds_what_it_needs() {
        let origin = origin();
        let headers = outgoing(&origin).headers().expect("headers");
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-type", "chancery.key.generated"),
            ("ce-source", "/chancery/keystore"),
            ("ce-subject", "k1"),
            ("ce-time", "2026-01-02T03:04:05.123456Z"),
            ("ce-dataschema", "proto:chancery.keystore.v1.KeyGenerated"),
            ("ce-datacontenttype", "application/json"),
            ("Nats-Msg-Id", "00000000-0000-0000-0000-000000000005"),
        ] {
            let found = headers.get(name).expect(name);
            assert_eq!(found.as_str(), value, "{name}");
        }
    }

    #[test]
    fn the_trace_goes_on_over_the_log() {
        use opentelemetry::trace::TracerProvider as _;
        use tracing_subscriber::layer::SubscriberExt as _;

        let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("command");
            let trace_id = span.context().span().span_context().trace_id().to_string();
            let origin = origin();
            let headers = span.in_scope(|| outgoing(&origin).headers().expect("headers"));
            let traceparent = headers.get("traceparent").expect("a trace").as_str();
            let parts: Vec<_> = traceparent.split('-').collect();
            assert_eq!(parts[..2], ["00", trace_id.as_str()]);
            assert_eq!((parts[2].len(), parts[3].len(), parts.len()), (16, 2, 4));
        });
    }

    #[test]
    fn a_line_break_never_becomes_a_header() {
        let mut origin = origin();
        origin.request_id = "r\r\nce-actor: service/keystore".into();
        let refused = outgoing(&origin).headers();
        assert!(matches!(
            refused,
            Err(LogError::InvalidHeader("ce-requestid"))
        ));
    }

    #[test]
    fn what_is_not_an_event_is_damage() {
        let origin = origin();
        let headers = outgoing(&origin).headers().expect("headers");
        let stored = datetime!(2026-01-02 03:04:06 UTC);
        for (subject, headers) in [
            ("chancery.events.key.k1", &headers),
            ("chancery.events.key.k1.generated", &HeaderMap::new()),
        ] {
            let read = recorded(9, stored, subject, headers, Bytes::new());
            assert!(matches!(read, Err(LogError::Damaged(_))), "{subject}");
        }
    }

    #[test]
    fn a_time_loses_what_the_log_does_not_keep() {
        let time = whole_microseconds(datetime!(2026-01-02 03:04:05.123456789 UTC));
        assert_eq!(time, datetime!(2026-01-02 03:04:05.123456 UTC));
    }
}
