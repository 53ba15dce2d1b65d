//! What the runtime knows of each service.

use eventlog::measured;

use super::Metric;
use crate::Runtime;

/// Sets the gauges of a service as of now.
pub(crate) async fn refresh(runtime: &Runtime) {
    let service = runtime.service();
    metrics::gauge!(BUILD.name, "version" => env!("CARGO_PKG_VERSION")).set(1);
    let expires = runtime.identity().not_after().unix_timestamp();
    metrics::gauge!(IDENTITY_NOT_AFTER.name, "service" => service).set(expires as f64);
    let ready = runtime.unready().await.is_empty();
    metrics::gauge!(READY.name, "service" => service).set(f64::from(u8::from(ready)));
    let Some(log) = runtime.opened_log() else {
        return;
    };
    let look = match log.look().await {
        Ok(look) => look,
        Err(error) => {
            tracing::warn!(
                service,
                error = &error as &dyn std::error::Error,
                "cannot look at the event log"
            );
            for follower in log.stopped_followers() {
                metrics::gauge!(FOLLOWER_RUNNING.name, "service" => service, "follower" => follower)
                    .set(0);
            }
            return;
        }
    };
    metrics::gauge!(LOG_SEQUENCE.name, "service" => service).set(look.last_sequence as f64);
    metrics::gauge!(LOG_BYTES.name, "service" => service).set(look.bytes as f64);
    if let Some(most) = look.max_bytes {
        metrics::gauge!(LOG_USED.name, "service" => service).set(look.bytes as f64 / most as f64);
    }
    let now = runtime.clock().now();
    for standing in look.followers {
        let gauge = |metric: &Metric, value: f64| {
            let follower = standing.follower.clone();
            metrics::gauge!(metric.name, "service" => service, "follower" => follower).set(value);
        };
        let waits = standing
            .waiting_since
            .map_or(0.0, |since| (now - since).as_seconds_f64());
        gauge(&FOLLOWER_RUNNING, f64::from(u8::from(standing.running)));
        gauge(&FOLLOWER_POSITION, standing.position as f64);
        gauge(&FOLLOWER_LAG_EVENTS, standing.behind as f64);
        gauge(&FOLLOWER_LAG_SECONDS, waits.max(0.0));
    }
}

/// The counter is there from the start: one that comes with its first failure has no growth to be alarmed by.
pub(crate) fn no_statement_failed_yet(service: &'static str) {
    metrics::counter!(FAILED_STATEMENTS.name, "service" => service).increment(0);
}

pub(crate) fn statement_failed(service: &'static str) {
    metrics::counter!(FAILED_STATEMENTS.name, "service" => service).increment(1);
}

pub(super) const BUILD: Metric = Metric::gauge(
    "chancery_build_info",
    &["version"],
    "Always 1; the label says what runs.",
);

pub(super) const READY: Metric = Metric::gauge(
    "chancery_service_ready",
    &["service"],
    "1 where the service answers and nothing stands in its way, else 0: what `/readyz` and gRPC health say.",
);

pub(super) const IDENTITY_NOT_AFTER: Metric = Metric::gauge(
    "chancery_identity_not_after_seconds",
    &["service"],
    "When the service's internal certificate expires, in seconds since 1970.",
);

pub(super) const LOG_SEQUENCE: Metric = Metric::gauge(
    "chancery_log_last_sequence",
    &["service"],
    "The sequence of the event log's last event, as each service sees it.",
);

pub(super) const LOG_BYTES: Metric = Metric::gauge(
    "chancery_log_bytes",
    &["service"],
    "Bytes that the event log takes on its server.",
);

pub(super) const LOG_USED: Metric = Metric::gauge(
    "chancery_log_used_ratio",
    &["service"],
    "The share of the event log's space that is used; from 0.9 on commands of people are refused. Missing where it has no limit.",
);

pub(super) const APPENDS: Metric = Metric::counter(
    measured::APPENDS,
    &["service", "answer"],
    "Appends to the event log, by its answer: stored; conflict (another was first, it is decided anew); unanswered; refused.",
);

pub(super) const APPEND_SECONDS: Metric = Metric::histogram(
    measured::APPEND_SECONDS,
    &["service"],
    "How long the event log took to answer an append.",
);

pub(super) const FOLLOWER_RUNNING: Metric = Metric::gauge(
    "chancery_follower_running",
    &["service", "follower"],
    "1 while the follower keeps its rows as the event log says, 0 once it has stopped.",
);

pub(super) const FOLLOWER_POSITION: Metric = Metric::gauge(
    "chancery_follower_position",
    &["service", "follower"],
    "The sequence of the event that the follower's rows are as of.",
);

pub(super) const FOLLOWER_LAG_EVENTS: Metric = Metric::gauge(
    "chancery_follower_lag_events",
    &["service", "follower"],
    "Events that the follower's rows do not have yet.",
);

pub(super) const FOLLOWER_LAG_SECONDS: Metric = Metric::gauge(
    "chancery_follower_lag_seconds",
    &["service", "follower"],
    "For how long the oldest of them has been in the event log.",
);

pub(super) const FAILED_STATEMENTS: Metric = Metric::counter(
    "chancery_database_failures_total",
    &["service"],
    "Statements that the service's database did not do; one that met a row of the same name counts, too.",
);
