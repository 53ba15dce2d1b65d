//! W3C trace context (traceparent) through gRPC metadata and into the log.

use std::collections::HashMap;

use http::HeaderMap;
use opentelemetry::{
    Context, global,
    propagation::{Extractor, Injector},
};
use tonic::metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The `traceparent` of the current span, for an event's header; `None` where nothing is traced.
pub fn traceparent() -> Option<String> {
    let context = Span::current().context();
    let mut carrier = HashMap::new();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut carrier));
    carrier.remove("traceparent")
}

/// Writes the current trace into what is about to be called.
pub(crate) fn inject(metadata: &mut MetadataMap) {
    let context = Span::current().context();
    global::get_text_map_propagator(|p| p.inject_context(&context, &mut Outgoing(metadata)));
}

/// The trace that a call came in with.
pub(crate) fn remote_parent(headers: &HeaderMap) -> Context {
    global::get_text_map_propagator(|propagator| propagator.extract(&Incoming(headers)))
}

struct Outgoing<'a>(&'a mut MetadataMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        let key = key.parse::<MetadataKey<Ascii>>();
        if let (Ok(key), Ok(value)) = (key, MetadataValue::try_from(value)) {
            self.0.insert(key, value);
        }
    }
}

struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{TraceContextExt, TracerProvider};
    use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn a_trace_goes_on_in_the_called_service() {
        global::set_text_map_propagator(TraceContextPropagator::new());
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        let (sent, metadata) = tracing::subscriber::with_default(subscriber, || {
            tracing::info_span!("caller").in_scope(|| {
                let mut metadata = MetadataMap::new();
                inject(&mut metadata);
                (traceparent().unwrap(), metadata)
            })
        });
        assert_eq!(metadata.get("traceparent").unwrap().to_str().unwrap(), sent);
        let received = remote_parent(&metadata.into_headers());
        let received = received.span().span_context().clone();
        assert!(received.is_remote());
        assert_eq!(
            sent.split('-').nth(1).unwrap(),
            received.trace_id().to_string()
        );
    }

    #[test]
    fn where_nothing_is_traced_nothing_is_sent() {
        let mut metadata = MetadataMap::new();
        inject(&mut metadata);
        assert!(metadata.is_empty());
        assert_eq!(traceparent(), None);
    }
}
