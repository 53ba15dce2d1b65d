//! Whether each service runs, and says that it can do its work.

use std::time::Duration;

use runtime::Runtime;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{Patient, Report, log::who_is_here, told};
use crate::up::{addresses::Addresses, edge, ports};

/// Each of them: where a running `up` has them, or where the configuration says.
pub async fn all(patient: &Patient, report: &mut Report) {
    let running = Addresses::read(&patient.layout);
    let mut shared = patient.shared.clone();
    if let Some(running) = &running {
        shared.peers = running.peers.clone();
    }
    let stopping = CancellationToken::new();
    let _stopped_at_the_end = stopping.clone().drop_guard();
    let asking = who_is_here(patient).and_then(|name| {
        Runtime::start(name, shared.clone(), patient.clock.clone(), stopping, None).ok()
    });
    for name in [
        "keystore",
        "csr-service",
        "acme-agent",
        "notifier",
        "projection",
    ] {
        let at = shared.peers.of(name).unwrap_or_default();
        let answer = match &asking {
            Some(asking) => ask(asking, name).await,
            None => Err("there is no identity here to ask with".to_owned()),
        };
        match answer {
            Ok(true) => report.ok(name, format!("ready at {at}")),
            Ok(false) => report.failed(
                name,
                format!("runs at {at}, and is not ready"),
                "its log, and /readyz where metrics are on, say what it waits for",
            ),
            Err(why) => report.failed(name, format!("no answer at {at}: {why}"), DOWN),
        }
    }
    gateway(patient, running.as_ref(), report).await;
}

async fn ask(asking: &Runtime, name: &str) -> Result<bool, String> {
    let channel = asking.channel(name).map_err(|error| told(&error))?;
    let request = HealthCheckRequest::default();
    let mut health = HealthClient::new(channel);
    match timeout(PATIENCE, health.check(request)).await {
        Ok(Ok(answer)) => Ok(answer.into_inner().status() == ServingStatus::Serving),
        Ok(Err(status)) => Err(status.message().to_owned()),
        Err(_) => Err("it takes too long".to_owned()),
    }
}

/// It has no internal gRPC: it is met as its clients meet it.
async fn gateway(patient: &Patient, running: Option<&Addresses>, report: &mut Report) {
    let configured = patient.settings.table::<gateway::Config>("gateway");
    let configured = configured.ok().map(|config| config.https);
    let Some(https) = running.map(|running| running.https).or(configured) else {
        return;
    };
    let https = ports::reachable(https);
    match timeout(PATIENCE, edge::until_serving(https, "localhost")).await {
        Ok(Ok(_)) => report.ok("gateway", format!("serves TLS at {https}")),
        Ok(Err(error)) => report.failed("gateway", told(&error), DOWN),
        Err(_) => report.failed("gateway", format!("no handshake at {https}"), DOWN),
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
const DOWN: &str = "it is down, or not reached from here: start chancery up, or that service; its log says why it ended";
