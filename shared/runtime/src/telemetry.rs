//! Logs to stderr, and traces to a collector where one is configured.

mod propagation;

use std::{io::IsTerminal, time::Duration};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

pub use self::propagation::traceparent;
pub(crate) use self::propagation::{inject, remote_parent};
use crate::config::{LogFormat, Telemetry};

/// Starts logging and tracing for the whole process; a process that logs already keeps what it has.
///
/// Keep the guard, and [shut it down](Guard::shutdown) last.
pub fn init(telemetry: &Telemetry) -> Guard {
    let lines = fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        // A line that cannot be written, on a full disk, would be complained of on the same stderr: with a panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let lines = match telemetry.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Without a collector there is a trace, too: its id stands in the log of events, so that whoever
    // reads an event finds the log lines of the call that caused it.
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("chancery").build());
    let (provider, refused) = match telemetry.otlp_endpoint.as_deref().map(exporter_to) {
        None => (provider, None),
        Some(Ok(exporter)) => (provider.with_batch_exporter(exporter), None),
        Some(Err(error)) => (provider, Some(error)),
    };
    let provider = provider.build();
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("chancery"));
    // The text was parsed when the configuration was read.
    let filter = EnvFilter::new(telemetry.log.as_str());
    // A second one in the same process (a test) is refused, and the first stays.
    let _ = Registry::default()
        .with(filter)
        .with(lines)
        .with(spans)
        .try_init();
    if let Some(error) = refused {
        tracing::error!(error = %error, "cannot export traces");
    }
    Guard {
        provider: Some(provider),
    }
}

/// Keeps traces flowing; what is still to be sent is sent when it is shut down.
#[must_use = "traces stop when it is dropped"]
#[derive(Debug)]
pub struct Guard {
    provider: Option<SdkTracerProvider>,
}

impl Guard {
    /// Sends what is left, for at most a few seconds, without holding up the executor.
    pub async fn shutdown(mut self) {
        if let Some(provider) = self.provider.take() {
            // Fails only when the blocking task panicked; then nothing is left to be done.
            let _ =
                tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH)).await;
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(provider) = self.provider.take() else {
            return;
        };
        // On a thread of its own, because flushing blocks and this may be one of the executor's.
        let flush = std::thread::spawn(move || provider.shutdown_with_timeout(FLUSH));
        let _ = flush.join();
    }
}

fn exporter_to(endpoint: &str) -> Result<SpanExporter, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_tonic();
    exporter.with_endpoint(endpoint).build()
}

/// How long the last traces may take.
const FLUSH: Duration = Duration::from_secs(3);
