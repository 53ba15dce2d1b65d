//! Years in seconds: the rules and the schedule's table as they are, with a simulated clock, log and CAs.

use std::collections::{BTreeSet, HashMap};

use api::acme::v1::{Failure, ScheduleReason};
use eventlog::{Aggregate, Apply, EventBody, Recorded};
use pki::fingerprint::sha256_hex;
use sea_orm::DatabaseConnection;
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use crate::{
    automation::{self, Automation, Command, Finalize, Phase, Refusal},
    events::AutomationEvent as Event,
    memory::database,
    policy::{self, Asked, Window},
    schedule::agendas::{self, Agendas},
    together::Together,
};
use api::{
    acme::v1::{AutomationRequested, CertificateObtained},
    convert::timestamp,
};

/// How a CA answers when it is asked when to renew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// As RFC 9773 wants it: some time before the life would say.
    Window,
    /// A window that has always passed, for each new certificate.
    Stale,
    /// A window that ends before it begins.
    Inverted,
    /// Nothing that can be read.
    Garbage,
}

/// One automation of the simulation.
struct Subject {
    life: Duration,
    answers: Answers,
    server: &'static str,
    fallback: &'static str,
}

/// What is simulated.
struct World {
    database: DatabaseConnection,
    rows: Together,
    now: OffsetDateTime,
    subjects: HashMap<Uuid, Subject>,
    states: HashMap<Uuid, Automation>,
    sequence: u64,
    /// The orders that are under way, by when they end.
    orders: BTreeSet<(OffsetDateTime, Uuid)>,
    /// How long one takes.
    order: Duration,
    /// How many at a time.
    places: usize,
    /// Nothing is noticed sooner after the last thing, and no CA is asked sooner after the last time: so
    /// that years take seconds.
    grain: Duration,
    is_down: fn(server: &str, at: OffsetDateTime) -> bool,
    issued: HashMap<Uuid, Vec<OffsetDateTime>>,
}

impl World {
    async fn of(subjects: Vec<Subject>, is_down: fn(&str, OffsetDateTime) -> bool) -> Self {
        let tables = vec![
            eventlog::checkpoint::migration(),
            Box::new(agendas::Migration),
            Box::new(agendas::PositionMigration),
        ];
        let mut world = Self {
            database: database(tables).await,
            rows: Together(vec![Box::new(Agendas::new(vec![]))]),
            now: START,
            subjects: HashMap::new(),
            states: HashMap::new(),
            sequence: 0,
            orders: BTreeSet::new(),
            order: Duration::seconds(10),
            places: 8,
            grain: Duration::SECOND,
            is_down,
            issued: HashMap::new(),
        };
        for (n, subject) in (1..).zip(subjects) {
            let id = Uuid::from_u128(n);
            let requested = AutomationRequested {
                friendly_name: format!("shop-{n}"),
                server_id: subject.server.into(),
                fallback_server_id: subject.fallback.into(),
                ..AutomationRequested::default()
            };
            world.subjects.insert(id, subject);
            world.order(id, Command::Request(requested)).await;
        }
        world
    }

    /// Decides, writes it down, and lets the follower hear of it.
    async fn does(&mut self, id: Uuid, command: Command) -> Result<(), Refusal> {
        self.does_all(id, [command]).await
    }

    async fn does_all(
        &mut self,
        id: Uuid,
        commands: impl IntoIterator<Item = Command>,
    ) -> Result<(), Refusal> {
        let mut heard = Vec::new();
        for command in commands {
            let state = self.states.entry(id).or_default();
            let event = automation::decide(state, command)?;
            self.sequence += 1;
            let recorded = recorded(self.sequence, id, &event, self.now);
            state.evolve(&event, &recorded.envelope());
            heard.push(recorded);
        }
        let tx = sea_orm::TransactionTrait::begin(&self.database)
            .await
            .unwrap();
        self.rows.apply(&tx, &heard).await.unwrap();
        tx.commit().await.unwrap();
        Ok(())
    }

    /// It is begun, and an agent takes it.
    async fn order(&mut self, id: Uuid, begin: Command) {
        let intend = Command::IntendOrder {
            holder: AGENT.into(),
            now: self.now,
            lease: Duration::DAY,
        };
        let commands = [begin, intend];
        self.does_all(id, commands).await.unwrap();
        self.orders.insert((self.now + self.order, id));
    }

    /// An order comes to its end: what its server makes of it.
    async fn end(&mut self, id: Uuid) {
        let (now, holder) = (self.now, AGENT.to_owned());
        let Phase::Ordering(order) = self.states[&id].phase().clone() else {
            panic!("an order is under way");
        };
        if (self.is_down)(&order.server_id, now) {
            let failed = Command::Fail {
                attempt: order.attempt,
                holder,
                now,
                failure: Failure {
                    reason: "DIRECTORY_UNREACHABLE".into(),
                    ..Failure::default()
                },
                retry_after: None,
            };
            self.does(id, failed).await.unwrap();
            return;
        }
        if let Some(newest) = self.states[&id].newest() {
            let end = newest.certificate.lifetime.not_after;
            assert!(now < end, "{id} expired at {end}");
        }
        let finalize = Command::IntendFinalize {
            attempt: order.attempt,
            holder,
            now,
            finalize: Finalize {
                key_id: "key".into(),
                csr_der: bytes::Bytes::new(),
            },
        };
        let obtained = CertificateObtained {
            attempt: order.attempt,
            certificate_id: id.to_string(),
            version: order.attempt,
            sha256_fingerprint: sha256_hex(format!("{id}/{now}").as_bytes()),
            not_before: Some(timestamp(now)),
            not_after: Some(timestamp(now + self.subjects[&id].life)),
        };
        let commands = [finalize, Command::Complete(obtained)];
        self.does_all(id, commands).await.unwrap();
        self.issued.entry(id).or_default().push(now);
    }

    /// The CAs are asked whose time has come.
    async fn ask(&mut self) {
        for question in agendas::to_ask(&self.database, self.now, 100)
            .await
            .unwrap()
        {
            let id = question.automation;
            let newest = self.states[&id].newest().unwrap().clone();
            let answers = self.subjects[&id].answers;
            let down = (self.is_down)(&newest.server_id, self.now);
            let answer = answer(answers, &newest.certificate).filter(|_| !down);
            let asked = match answer {
                Some(_) => Asked::Answered(Some(DAY)),
                None => Asked::Failed(question.failures + 1, None),
            };
            if answer.is_some() || !self.states[&id].is_scheduled() {
                let schedule = Command::Schedule {
                    version: newest.number,
                    window: answer,
                };
                match self.does(id, schedule).await {
                    Ok(()) | Err(Refusal::NothingNew) => {}
                    Err(refusal) => panic!("{refusal}"),
                }
            }
            let failures = match asked {
                Asked::Answered(_) => 0,
                Asked::Failed(failures, _) => failures,
            };
            let again = policy::ask_again(asked, &id.to_string(), self.now);
            let again = again.max(self.now + self.grain * 250);
            agendas::asked(&self.database, &question, failures, again)
                .await
                .unwrap();
        }
    }

    /// Lets time go by until then, from one moment at which something happens to the next.
    async fn live_until(&mut self, end: OffsetDateTime) {
        loop {
            let ends = self.orders.first().map(|(at, _)| *at);
            let question = agendas::earliest_question(&self.database).await.unwrap();
            let places = self.places.saturating_sub(self.orders.len());
            let due = match places {
                0 => None,
                _ => agendas::earliest(&self.database).await.unwrap(),
            };
            let next = [ends, question, due].into_iter().flatten().min();
            match next {
                Some(next) if next <= end => self.now = next.max(self.now + self.grain),
                _ => break,
            }
            while let Some(&(at, id)) = self.orders.first()
                && at <= self.now
            {
                self.orders.pop_first();
                self.end(id).await;
            }
            self.ask().await;
            let places = self.places.saturating_sub(self.orders.len());
            for due in agendas::due(&self.database, self.now, places)
                .await
                .unwrap()
            {
                let now = self.now;
                let begin = Command::StartDue { now };
                self.order(due.automation, begin).await;
            }
        }
        self.now = end;
    }

    /// Nothing has expired, and nothing was issued more often than it had to be.
    fn is_well(&self, at_most: impl Fn(&Subject) -> usize) {
        for (id, subject) in &self.subjects {
            let newest = self.states[id].newest().unwrap();
            let end = newest.certificate.lifetime.not_after;
            assert!(self.now < end, "{id} expired at {end}");
            let (issued, most) = (self.issued[id].len(), at_most(subject));
            assert!(issued <= most, "{issued} certificates, {most} would do");
        }
    }
}

fn answer(answers: Answers, certificate: &policy::Certificate) -> Option<Window> {
    let lifetime = certificate.lifetime;
    let share = |percent: i32| lifetime.not_before + lifetime.length() * percent / 100;
    let (start, end) = match answers {
        Answers::Window => (share(45), share(55)),
        Answers::Stale => (START - Duration::WEEK, START - Duration::DAY),
        Answers::Inverted => (share(30), share(20)),
        Answers::Garbage => return None,
    };
    Some(Window {
        start,
        end,
        explanation_url: String::new(),
    })
}

fn recorded(sequence: u64, id: Uuid, event: &Event, time: OffsetDateTime) -> Recorded {
    Recorded {
        sequence,
        aggregate: Automation::NAME.into(),
        id: id.to_string(),
        event: event.name().into(),
        event_id: Uuid::from_u128(sequence.into()),
        time,
        stored: time,
        actor: "service/acme-agent".into(),
        correlation_id: Uuid::nil(),
        causation_id: None,
        request_id: String::new(),
        request_digest: String::new(),
        schema: event.schema().into(),
        traceparent: None,
        leaf: [0; 32],
        body: event.to_json().unwrap().into(),
    }
}

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

const AGENT: &str = "agent";

const START: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// Every week one server is away for hours, and every two months for two days; never both for days.
fn away_for_hours_and_days(server: &str, at: OffsetDateTime) -> bool {
    let shift = match server {
        "first" => Duration::ZERO,
        _ => Duration::days(20),
    };
    let hours = (at - START + shift).whole_hours();
    let (week, two_months) = (hours % (7 * 24 + 5), hours % (61 * 24 + 7));
    (50..62).contains(&week) || (500..548).contains(&two_months)
}

#[tokio::test]
async fn fifty_certificates_live_for_two_years_through_outages() {
    use Answers::{Garbage, Inverted, Stale, Window};
    let subjects = (0..50).map(|n| Subject {
        life: Duration::days([90, 47, 6, 90, 47][n % 5]),
        answers: match n {
            0 | 1 => Stale,
            _ => [Window, Inverted, Garbage][n % 3],
        },
        server: ["first", "second"][n % 2],
        fallback: ["", "second"][(n / 2) % 2],
    });
    let mut world = World::of(subjects.collect(), away_for_hours_and_days).await;
    world.grain = Duration::hours(2);
    world.live_until(START + Duration::days(730)).await;
    world.is_well(|subject| {
        let shortest = match subject.answers {
            // A tenth of the life, and a day at most: so often, whatever the CA says.
            Stale => Duration::min(subject.life / 10, Duration::DAY),
            Window => subject.life * 45 / 100,
            Inverted | Garbage => subject.life / 2,
        };
        (Duration::days(730) / shortest) as usize + 2
    });
    let scheduled = world.states.values().map(|state| state.is_scheduled());
    assert!(scheduled.into_iter().all(|scheduled| scheduled));
}

fn twenty_seconds_of_every_forty(_: &str, at: OffsetDateTime) -> bool {
    (at - START).whole_seconds() % 40 >= 20
}

#[tokio::test]
async fn certificates_of_two_minutes_outlive_a_ca_that_is_away_half_of_the_time() {
    let subjects = (0..100).map(|_| Subject {
        life: Duration::seconds(120),
        answers: Answers::Inverted,
        server: "first",
        fallback: "",
    });
    let mut world = World::of(subjects.collect(), twenty_seconds_of_every_forty).await;
    world.order = Duration::SECOND;
    world.places = 16;
    world.live_until(START + Duration::minutes(10)).await;
    world.is_well(|_| 10 + 2);
}

fn never(_: &str, _: OffsetDateTime) -> bool {
    false
}

#[tokio::test]
async fn a_window_decides_where_it_is_sooner_and_the_life_where_it_is_not() {
    let subject = |answers| Subject {
        life: Duration::days(90),
        answers,
        server: "first",
        fallback: "",
    };
    let subjects = [Answers::Window, Answers::Inverted].map(subject);
    let mut world = World::of(subjects.into(), never).await;
    world.live_until(START + Duration::days(1)).await;
    let reason = |n| {
        let newest = world.states[&Uuid::from_u128(n)].newest().unwrap();
        let window = answer(
            world.subjects[&Uuid::from_u128(n)].answers,
            &newest.certificate,
        );
        policy::renewal(&newest.certificate, window.as_ref()).reason
    };
    assert_eq!(reason(1), ScheduleReason::RenewalInformation);
    assert_eq!(reason(2), ScheduleReason::Lifetime);
}
