//! The timer on a real event log and database: one agent, several, and one after the other.

mod two_years;

use std::time::Duration as StdDuration;

use api::{
    acme::v1::{AutomationRequested, CertificateObtained, ServerRegistered},
    convert::timestamp,
};
use eventlog::{EventLog, Follower, subject};
use runtime::{Clock, Egress, database::Home};
use sea_orm::DatabaseConnection;
use time::Duration;
use tokio_util::task::AbortOnDropHandle;
use town::nats::Nats;
use uuid::Uuid;

use super::*;
use crate::{
    accounts::Accounts,
    automation::Finalize,
    client::trials::pebble::{Pebble, Plan},
    keystore::Keystore,
    outbox::Outbox,
    server::{self, Server},
    together::Together,
};

/// One agent's part that begins what is due.
struct Agent {
    timer: Timer,
    log: EventLog,
    clock: Clock,
    changed: Arc<Notify>,
    _follower: AbortOnDropHandle<()>,
}

impl Agent {
    async fn begin(server: &Nats, database: &DatabaseConnection, clock: &Clock) -> Self {
        let log = server.log("acme-agent").await;
        let [heard, changed] = [(); 2].map(|()| Arc::new(Notify::new()));
        let follower = Follower {
            name: Outbox::FOLLOWER.into(),
            subjects: vec![subject::of_kind("automation")],
            log: log.clone(),
            database: database.clone(),
        };
        let rows = Together(vec![
            Box::new(Outbox::new(Arc::default())),
            Box::new(agendas::Agendas::new(vec![heard, changed.clone()])),
        ]);
        let followed = async move { follower.run(rows, CancellationToken::new()).await.unwrap() };
        let timer = Timer {
            log: log.clone(),
            database: database.clone(),
            clock: clock.clone(),
            sanity: Sanity::new(log.clone(), accounts(clock, database)),
            service: "acme-agent",
            at_a_time: 8,
            changed: changed.clone(),
        };
        Self {
            timer,
            log,
            clock: clock.clone(),
            changed,
            _follower: AbortOnDropHandle::new(tokio::spawn(followed)),
        }
    }

    /// Waits until the rows are as of the log's end.
    async fn caught_up(&self) {
        let end = self.log.last_sequence().await.unwrap();
        let database = &self.timer.database;
        loop {
            let at = eventlog::checkpoint::checkpoint(database, Outbox::FOLLOWER).await;
            if at.unwrap().sequence >= end {
                return;
            }
            self.changed.notified().await;
        }
    }

    async fn decide(&self, id: Uuid, item: &str, command: Command) {
        let decide = |state: &Automation| automation::decide(state, command.clone());
        let origin = by_the_clock("acme-agent", &self.clock);
        let (id, now) = (id.to_string(), self.clock.now());
        let executed = self.log.execute(&id, &origin, item, now, decide).await;
        executed.unwrap();
    }

    /// Orders a certificate that is good from now on.
    async fn issue(&self, id: Uuid, attempt: u32, life: Duration) {
        let (now, holder) = (self.clock.now(), "agent".to_owned());
        let intend = Command::IntendOrder {
            holder: holder.clone(),
            now,
            lease: Duration::HOUR,
        };
        self.decide(id, "intended", intend).await;
        let finalize = Command::IntendFinalize {
            attempt,
            holder,
            now,
            finalize: Finalize {
                key_id: "key".into(),
                csr_der: bytes::Bytes::from_static(b"csr"),
            },
        };
        self.decide(id, "finalize", finalize).await;
        let obtained = CertificateObtained {
            attempt,
            certificate_id: id.to_string(),
            version: attempt,
            sha256_fingerprint: format!("{attempt:064x}"),
            not_before: Some(timestamp(now)),
            not_after: Some(timestamp(now + life)),
        };
        self.decide(id, "end", Command::Complete(obtained)).await;
    }

    async fn request(&self, id: Uuid, server: Uuid) {
        let requested = AutomationRequested {
            friendly_name: id.to_string(),
            server_id: server.to_string(),
            ..AutomationRequested::default()
        };
        self.decide(id, "requested", Command::Request(requested))
            .await;
    }
}

fn accounts(clock: &Clock, database: &DatabaseConnection) -> Arc<Accounts> {
    // Nobody listens there: no trial has to do with account keys.
    let nobody = tonic::transport::Endpoint::from_static("http://127.0.0.1:9").connect_lazy();
    let egress = Egress::new(&["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
    let keystore = Keystore::new(nobody);
    Arc::new(Accounts::new(
        egress,
        clock.clone(),
        keystore,
        database.clone(),
    ))
}

async fn database(folder: &tempfile::TempDir, name: &str) -> DatabaseConnection {
    let home = Home::sqlite("acme-agent", folder.path().join(name));
    home.open(crate::migrations()).await.unwrap()
}

/// The events of an automation, by their names.
async fn story(log: &EventLog, id: Uuid) -> Vec<String> {
    let events = log.events_of("automation", &id.to_string()).await.unwrap();
    events.into_iter().map(|e| e.event).collect()
}

async fn started(log: &EventLog, id: Uuid) -> usize {
    let story = story(log, id).await;
    story.iter().filter(|e| *e == "renewal-started").count()
}

const SHOP: Uuid = Uuid::from_u128(0x5109);
const NO_SERVER: Uuid = Uuid::nil();

#[tokio::test]
async fn two_agents_begin_one_renewal() {
    let folder = tempfile::tempdir().unwrap();
    let server = Nats::with_log(folder.path()).await;
    let clock = Clock::manual(Clock::system().now());
    let shared = database(&folder, "shared").await;
    let own = database(&folder, "own").await;
    // Two on one database, and one on its own, as replicas on one machine and on another have it.
    let agents = [
        Agent::begin(&server, &shared, &clock).await,
        Agent::begin(&server, &shared, &clock).await,
        Agent::begin(&server, &own, &clock).await,
    ];
    agents[0].request(SHOP, NO_SERVER).await;
    agents[0].issue(SHOP, 1, Duration::days(90)).await;
    for round in 1..=10 {
        clock.advance(StdDuration::from_secs(60 * 86_400));
        for agent in &agents {
            agent.caught_up().await;
        }
        let [a, b, c] = &agents;
        let passed = tokio::join!(a.timer.pass(), b.timer.pass(), c.timer.pass());
        for passed in [passed.0, passed.1, passed.2] {
            passed.unwrap();
        }
        assert_eq!(started(&a.log, SHOP).await, round);
        let attempt = u32::try_from(round).unwrap() + 1;
        agents[round % 3]
            .issue(SHOP, attempt, Duration::days(90))
            .await;
    }
}

#[tokio::test]
async fn a_timer_sleeps_until_something_is_due() {
    let folder = tempfile::tempdir().unwrap();
    let server = Nats::with_log(folder.path()).await;
    let clock = Clock::manual(Clock::system().now());
    let database = database(&folder, "agent").await;
    let agent = Agent::begin(&server, &database, &clock).await;
    agent.request(SHOP, NO_SERVER).await;
    agent.issue(SHOP, 1, Duration::days(90)).await;
    agent.caught_up().await;
    let (log, issued) = (agent.log.clone(), agent.clock.now());
    let wake = agent.timer.pass().await.unwrap();
    assert_eq!(wake, Some(issued + Duration::days(60)));
    let stopping = CancellationToken::new();
    let running = tokio::spawn(agent.timer.run(stopping.clone()));
    clock.advance(StdDuration::from_secs(60 * 86_400));
    let mut events = log.tail(vec![subject::of_kind("automation")], 0);
    while events.next().await.unwrap().unwrap().event != "renewal-started" {}
    stopping.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn an_agent_that_starts_again_begins_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let server = Nats::with_log(folder.path()).await;
    let clock = Clock::manual(Clock::system().now());
    let kept = database(&folder, "kept").await;
    let agent = Agent::begin(&server, &kept, &clock).await;
    agent.request(SHOP, NO_SERVER).await;
    agent.issue(SHOP, 1, Duration::days(90)).await;
    clock.advance(StdDuration::from_secs(60 * 86_400));
    agent.caught_up().await;
    agent.timer.pass().await.unwrap();
    drop(agent);
    // With its database, and with a new one.
    for database in [kept, database(&folder, "restored").await] {
        let again = Agent::begin(&server, &database, &clock).await;
        again.caught_up().await;
        again.timer.pass().await.unwrap();
        assert_eq!(started(&again.log, SHOP).await, 1);
    }
}

#[tokio::test]
async fn no_more_is_begun_than_can_be_worked_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Nats::with_log(folder.path()).await;
    let clock = Clock::manual(Clock::system().now());
    let database = database(&folder, "agent").await;
    let mut agent = Agent::begin(&server, &database, &clock).await;
    agent.timer.at_a_time = 2;
    let ids = (1..=10).map(Uuid::from_u128).collect::<Vec<_>>();
    for id in &ids {
        agent.request(*id, NO_SERVER).await;
        agent.issue(*id, 1, Duration::days(90)).await;
    }
    clock.advance(StdDuration::from_secs(60 * 86_400));
    agent.caught_up().await;
    // Until there is no room any more.
    while agent.timer.pass().await.unwrap().is_some() {}
    let mut begun = Vec::new();
    for id in &ids {
        if started(&agent.log, *id).await > 0 {
            begun.push(*id);
        }
    }
    assert_eq!(begun.len(), 4);
    // The end of an order makes room for the next.
    agent.issue(begun[0], 2, Duration::days(90)).await;
    agent.caught_up().await;
    while agent.timer.pass().await.unwrap().is_some() {}
    let mut total = 0;
    for id in &ids {
        total += started(&agent.log, *id).await;
    }
    assert_eq!(total, 5);
}

/// What is due five days ago by the right clock, at a CA that answers.
async fn due_at(agent: &Agent, ca: &Pebble) {
    let registered = ServerRegistered {
        name: "Pebble".into(),
        directory_url: ca.directory.clone(),
        trusted_roots_der: vec![ca.https_root_der.clone().into()],
        ..ServerRegistered::default()
    };
    let id = Uuid::from_u128(7);
    let register = server::Command::Register(Box::new(registered));
    let decide = |state: &Server| server::decide(state, register.clone());
    let origin = by_the_clock("acme-agent", &agent.clock);
    let (text, now) = (id.to_string(), agent.clock.now());
    let executed = agent.log.execute(&text, &origin, "register", now, decide);
    executed.await.unwrap();
    agent.request(SHOP, id).await;
    agent.issue(SHOP, 1, Duration::days(30)).await;
    agent.caught_up().await;
}

#[tokio::test]
async fn a_clock_that_jumps_renews_nothing_until_it_is_set_right() {
    let ca = Pebble::start(Plan::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let server = Nats::with_log(folder.path()).await;
    let right = Clock::system().now();
    let past = Clock::manual(right - Duration::days(25));
    let database = database(&folder, "agent").await;
    let agent = Agent::begin(&server, &database, &past).await;
    due_at(&agent, &ca).await;
    drop(agent);
    for off in [Duration::days(40), Duration::hours(2), -Duration::hours(2)] {
        let wrong = Clock::manual(right + off);
        let agent = Agent::begin(&server, &database, &wrong).await;
        agent.caught_up().await;
        let wake = agent.timer.pass().await.unwrap();
        assert_eq!(wake, Some(wrong.now() + DOUBT), "{off}");
        assert_eq!(started(&agent.log, SHOP).await, 0, "{off}");
    }
    let clock = Clock::manual(Clock::system().now());
    let agent = Agent::begin(&server, &database, &clock).await;
    agent.caught_up().await;
    agent.timer.pass().await.unwrap();
    assert_eq!(started(&agent.log, SHOP).await, 1);
}

#[tokio::test]
async fn a_clock_behind_the_log_renews_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Nats::with_log(folder.path()).await;
    // The log's server has the right time; what is due here was due long ago.
    let past = Clock::manual(Clock::system().now() - Duration::days(140));
    let database = database(&folder, "agent").await;
    let agent = Agent::begin(&server, &database, &past).await;
    agent.request(SHOP, NO_SERVER).await;
    agent.issue(SHOP, 1, Duration::days(90)).await;
    past.advance(StdDuration::from_secs(100 * 86_400));
    agent.caught_up().await;
    agent.timer.pass().await.unwrap();
    assert_eq!(started(&agent.log, SHOP).await, 0);
    past.advance(StdDuration::from_secs(40 * 86_400));
    agent.timer.pass().await.unwrap();
    assert_eq!(started(&agent.log, SHOP).await, 1);
}
