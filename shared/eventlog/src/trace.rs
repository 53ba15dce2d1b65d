//! The trace of a command goes on where its event takes effect.

use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt as _, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::envelope::Recorded;

/// The span in which a follower applies an event: in the trace that the event carries, where it carries one.
pub(crate) fn applying(event: &Recorded, service: &str, follower: &str) -> Span {
    let Some(parent) = event.traceparent.as_deref().and_then(parsed) else {
        return Span::none();
    };
    let span = tracing::info_span!(
        "apply",
        otel.kind = "consumer",
        otel.name = format!("apply {}.{}", event.aggregate, event.event),
        service,
        follower,
        sequence = event.sequence,
        event_id = %event.event_id,
    );
    // Fails only where nothing is traced.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    span
}

/// W3C trace context, version 00: `00-<trace>-<span>-<flags>`, in lower-case hex.
fn parsed(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let version = parts.next()?;
    let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
    if version != "00" || parts.next().is_some() || flags.len() != 2 {
        return None;
    }
    let context = SpanContext::new(
        opentelemetry::TraceId::from_hex(trace).ok()?,
        opentelemetry::SpanId::from_hex(span).ok()?,
        opentelemetry::TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::default(),
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_trace_context_is_one() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = parsed(good).expect("a context");
        assert!(context.is_remote() && context.is_sampled());
        assert_eq!(
            context.trace_id().to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        for odd in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-xyz-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            assert!(parsed(odd).is_none(), "{odd}");
        }
    }
}
