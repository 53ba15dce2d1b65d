//! The event log: it answers, nothing that it acknowledges is lost, and there is room; and the clock is not behind it.

use std::{path::Path, time::Duration};

use eventlog::EventLog;
use runtime::{LogOpenError, Runtime};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Patient, Report, told};
use crate::{backup::take::of_the_server, cli::ServiceName};

/// Looks at it as one of the services whose identity is here.
pub async fn log(patient: &Patient, report: &mut Report) {
    const CHECK: &str = "event log";
    let stopping = CancellationToken::new();
    let _stopped_at_the_end = stopping.clone().drop_guard();
    let shared = of_the_server(&patient.shared, &patient.layout);
    let url = shared.nats.url.clone();
    let Some(name) = who_is_here(patient) else {
        return report.failed(
            CHECK,
            "no service's identity is here to ask with",
            "chancery up or chancery init makes them",
        );
    };
    let runtime = Runtime::start(name, shared, patient.clock.clone(), stopping, None);
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return report.failed(CHECK, told(&error), "run chancery init"),
    };
    let log = match timeout(PATIENCE, runtime.log()).await {
        Ok(Ok(log)) => log,
        Ok(Err(error @ LogOpenError::Nats(_))) => {
            return report.failed(CHECK, format!("{url}: {}", told(&error)), DOWN);
        }
        Ok(Err(error)) => {
            return report.failed(
                CHECK,
                told(&error),
                "run chancery init with the NATS server up, and start that one with the nats.conf that init wrote",
            );
        }
        Err(_) => return report.failed(CHECK, format!("{url} does not answer"), DOWN),
    };
    if let Err(error) = look(&log, &url, patient, report).await {
        report.failed(CHECK, told(&error), DOWN);
    }
}

/// Opened, it is safe: the server syncs before it acknowledges, and the stream loses nothing.
async fn look(
    log: &EventLog,
    url: &str,
    patient: &Patient,
    report: &mut Report,
) -> Result<(), eventlog::LogError> {
    let look = log.look().await?;
    report.ok(
        "event log",
        format!(
            "{} events at {url}, safe before they are acknowledged",
            look.last_sequence
        ),
    );
    if let Some(most) = look.max_bytes.filter(|most| look.bytes > most / 10 * 8) {
        report.warning(
            "room of the event log",
            format!("{} of {most} bytes are used", look.bytes),
            "at 90 % commands of people are refused: raise the stream's max_bytes",
        );
    }
    if let Some(last) = log.last().await? {
        let ahead = last.time - patient.clock.now();
        match ahead > time::Duration::minutes(5) {
            false => report.ok("clock", "not behind the log's last event"),
            true => report.failed(
                "clock",
                format!(
                    "{} minutes behind the log's last event",
                    ahead.whole_minutes()
                ),
                "set it right: an hour apart, renewals stop beginning by themselves",
            ),
        }
    }
    Ok(())
}

/// The keystore first, which would not have its identity renewed by this.
pub fn who_is_here(patient: &Patient) -> Option<&'static str> {
    let layout = &patient.layout;
    let here = |name: &&'static str| {
        [layout.leaf(name), layout.leaf_key(name), layout.nkey(name)]
            .iter()
            .all(|file| Path::exists(file))
    };
    ServiceName::ALL
        .map(ServiceName::as_str)
        .into_iter()
        .find(here)
}

const PATIENCE: Duration = Duration::from_secs(5);
const DOWN: &str = "it is down, or not reached from here: start chancery up, or the NATS server with its nats.conf";
