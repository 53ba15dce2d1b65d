//! Telemetry that has nowhere to go.

use std::time::{Duration, Instant};

use runtime::{Shared, telemetry};
use tracing::Instrument;

#[tokio::test]
async fn a_collector_that_is_not_there_holds_up_nobody() {
    let mut telemetry = Shared::default().telemetry;
    telemetry.otlp_endpoint = Some("http://127.0.0.1:1".into());
    let guard = telemetry::init(&telemetry);
    let traceparent = async { telemetry::traceparent() }
        .instrument(tracing::info_span!("work"))
        .await;
    assert_eq!(traceparent.unwrap().len(), 55);
    let begun = Instant::now();
    guard.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(10));
}
