//! Ten thousand automations, all due at once: what it costs to begin them, without their orders. Then ten thousand more,
//! beside those: what each of them keeps of the memory.

use std::{fs, time::Instant};

use acme_agent::measured::{self, Schedule};
use api::acme::v1::{AutomationRequested, CertificateObtained, RenewalStarted};
use eventlog::{Aggregate, Envelope, EventLog, Origin};
use futures_util::{StreamExt, stream};
use pbjson_types::Timestamp;
use runtime::Clock;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use time::{Duration, OffsetDateTime};
use town::installation::Installation;
use uuid::Uuid;

use crate::{
    figure::{Figure, Wanted},
    memory,
};

/// Processor time and memory, and what a pass costs for those that are not due.
pub async fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::new(folder.path(), "");
    installation.event_log_alone().await;
    let (client, _complaints) = installation.nats("acme-agent").await;
    let log = EventLog::open(client, "acme-agent").await.unwrap();
    let issued = Clock::system().now();
    let last = issue_all(&log, 0, issued).await;

    // Another connection, and so a log without a cache, as after a start.
    let (client, _complaints) = installation.nats("acme-agent").await;
    let seeding = log;
    let log = EventLog::open(client, "acme-agent").await.unwrap();
    let database = database(&folder.path().join("schedule.sqlite")).await;
    let clock = Clock::manual(issued);
    let keystore = installation.channel("acme-agent", "keystore");
    let before = memory::resident(std::process::id());
    let schedule = Schedule::follow(log.clone(), database, clock.clone(), keystore, AT_A_TIME);
    schedule.caught_up(last).await.unwrap();

    let idle = processor_seconds();
    for _ in 0..IDLE_PASSES {
        assert!(!schedule.pass().await.unwrap(), "nothing is due yet");
    }
    let idle = (processor_seconds() - idle) / IDLE_PASSES as f64;

    clock.advance(TWO_THIRDS.unsigned_abs());
    let (processor, started) = (processor_seconds(), Instant::now());
    begin_all(&schedule, &log, last, &clock).await;
    let processor = processor_seconds() - processor;
    let took = started.elapsed().as_secs_f64();
    let at_first = (memory::resident(std::process::id()) - before) * 1_024.0;
    let begun = log.last_sequence().await.unwrap() - last;
    assert_eq!(begun, AUTOMATIONS as u64, "each is begun once");

    // All buffers and caches are there now: what still grows is the automations' own.
    let before = memory::resident(std::process::id());
    let last = issue_all(&seeding, AUTOMATIONS, issued).await;
    schedule.caught_up(last).await.unwrap();
    begin_all(&schedule, &log, last, &clock).await;
    let grown = (memory::resident(std::process::id()) - before) * 1_024.0;
    let begun = log.last_sequence().await.unwrap() - last;
    assert_eq!(begun, AUTOMATIONS as u64, "each of the others, too");
    vec![
        Figure {
            name: "begin 10,000 renewals that are due",
            measured: processor,
            against: None,
            unit: "CPU s",
            value: processor,
            wanted: Wanted::AtMost(1.0),
            how: format!("the processor time of this process, NATS apart; it took {took:.1} s"),
        },
        Figure {
            name: "memory per automation that is due",
            measured: grown / AUTOMATIONS as f64,
            against: None,
            unit: "KiB",
            value: grown / AUTOMATIONS as f64,
            wanted: Wanted::AtMost(2.0),
            how: format!(
                "resident memory, from 10,000 to 20,000 of them, their seeding included; the first 10,000 came with \
                 all buffers and caches, {:.1} MiB together",
                at_first / 1_024.0
            ),
        },
        Figure {
            name: "a pass over 10,000 automations, none due",
            measured: idle * 1e6,
            against: None,
            unit: "CPU us",
            value: idle * 1e6,
            wanted: Wanted::Anything,
            how: format!("the mean of {IDLE_PASSES}"),
        },
    ]
}

mod automation {
    use super::*;

    eventlog::events! {
        /// What the schedule goes by.
        pub enum Event {
            Requested("requested"): AutomationRequested = "chancery.acme.v1.AutomationRequested",
            Obtained("certificate-issued"): CertificateObtained = "chancery.acme.v1.CertificateObtained",
            Started("renewal-started"): RenewalStarted = "chancery.acme.v1.RenewalStarted",
        }
    }

    #[derive(Debug, Default, Clone)]
    pub struct State;

    impl Aggregate for State {
        const NAME: &'static str = "automation";
        type Event = Event;
        fn evolve(&mut self, _: &Event, _: &Envelope) {}
    }
}

/// As many automations with a certificate each, from this number on. The position of the last event.
async fn issue_all(log: &EventLog, first: usize, now: OffsetDateTime) -> u64 {
    stream::iter(first..first + AUTOMATIONS)
        .for_each_concurrent(64, async |n| issue(log, n, now).await)
        .await;
    log.last_sequence().await.unwrap()
}

/// An automation with a certificate of 90 days.
async fn issue(log: &EventLog, n: usize, now: OffsetDateTime) {
    let id = Uuid::new_v4().to_string();
    let at = |at: OffsetDateTime| {
        Some(Timestamp {
            seconds: at.unix_timestamp(),
            nanos: 0,
        })
    };
    let requested = AutomationRequested {
        friendly_name: format!("host-{n}.example"),
        server_id: Uuid::nil().to_string(),
        dns_names: vec![format!("host-{n}.example")],
        ..AutomationRequested::default()
    };
    let obtained = CertificateObtained {
        attempt: 1,
        certificate_id: Uuid::new_v4().to_string(),
        version: 1,
        sha256_fingerprint: format!("{n:064x}"),
        not_before: at(now),
        not_after: at(now + LIFE),
    };
    for event in [
        automation::Event::Requested(requested),
        automation::Event::Obtained(obtained),
    ] {
        let request = Uuid::new_v4();
        let origin = Origin {
            actor: "service/bench".to_owned(),
            request_id: request.to_string(),
            request_digest: request.to_string(),
            correlation_id: request,
            causation_id: None,
            unchanged_since: None,
        };
        let decide = |_: &automation::State| Ok::<_, std::convert::Infallible>(event.clone());
        let appended = log.execute(&id, &origin, "seed", now, decide);
        appended.await.unwrap();
    }
}

/// Passes, until all of them have begun. What the log did not acknowledge is looked at again a second later: by this clock
/// that is at once.
async fn begin_all(schedule: &Schedule, log: &EventLog, last: u64, clock: &Clock) {
    for _ in 0..PATIENCE {
        while schedule.pass().await.unwrap() {}
        if log.last_sequence().await.unwrap() - last >= AUTOMATIONS as u64 {
            return;
        }
        clock.advance(std::time::Duration::from_secs(1));
    }
}

async fn database(file: &std::path::Path) -> DatabaseConnection {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
    options.max_connections(4).sqlx_logging(false);
    let database = Database::connect(options).await.unwrap();
    for pragma in ["journal_mode = WAL", "synchronous = FULL"] {
        let pragma = format!("PRAGMA {pragma}");
        database.execute_unprepared(&pragma).await.unwrap();
    }
    for migration in measured::migrations() {
        let manager = sea_orm_migration::SchemaManager::new(&database);
        migration.up(&manager).await.unwrap();
    }
    database
}

/// What this process has used of the processors so far.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // After the name, which may have spaces: the 14th and 15th field are user and system time.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks = ticks.map(|ticks| ticks.parse::<f64>().unwrap());
    ticks.sum::<f64>() / TICKS_A_SECOND
}

const AUTOMATIONS: usize = 10_000;
const LIFE: Duration = Duration::days(90);
const TWO_THIRDS: Duration = Duration::days(60);
/// How often a log that does not acknowledge is asked again.
const PATIENCE: usize = 60;
const IDLE_PASSES: usize = 1_000;
/// More than are due: what follows from a beginning is not measured here.
const AT_A_TIME: usize = 10_000;
/// Of Linux, on every architecture that matters.
const TICKS_A_SECOND: f64 = 100.0;
