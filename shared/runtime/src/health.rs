//! Whether a service can do its work: one answer for gRPC health, for `/readyz` and for the metrics.

use std::time::Duration;

use tonic_health::{ServingStatus, server::HealthReporter};

use crate::Runtime;

impl Runtime {
    /// What keeps the service from its work now, each in a few words; nothing, where it is ready.
    pub async fn unready(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.stopping().is_cancelled() {
            reasons.push("it is stopping".to_owned());
        } else if !self.has_answered() {
            reasons.push("it is starting".to_owned());
        }
        if self.identity().not_after() < self.clock().now() {
            reasons.push("its internal certificate has expired".to_owned());
        }
        if let Some(log) = self.opened_log() {
            let stopped = log.stopped_followers().into_iter();
            reasons.extend(stopped.map(|name| format!("its follower {name} has stopped")));
            if self.needs_log() && log.last_sequence().await.is_err() {
                reasons.push("the event log does not answer".to_owned());
            }
        }
        reasons
    }
}

/// Keeps gRPC health true, for as long as it is polled.
pub(crate) async fn keep(runtime: &Runtime, health: &HealthReporter) {
    let service = runtime.service();
    let mut before = Vec::new();
    loop {
        let reasons = runtime.unready().await;
        let status = match reasons.is_empty() {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        health.set_service_status("", status).await;
        if reasons != before {
            match status {
                ServingStatus::Serving => tracing::info!(service, "ready again"),
                _ => tracing::warn!(service, reasons = reasons.join("; "), "not ready"),
            }
            before = reasons;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A load balancer asks about as often.
const LOOK_EVERY: Duration = Duration::from_secs(2);
