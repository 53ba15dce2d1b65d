//! The log is held against what was recorded of it, on a real server whose files somebody changes.

use std::time::Duration;

use eventlog::{EventBody as _, EventLog};
use projection::{
    events::SealEvent,
    scrub::{Scrubber, damage},
    seal::SEAL,
};
use runtime::Clock;
use tokio_util::sync::CancellationToken;
use town::{
    block::{self, Record},
    wait,
};

use crate::{
    nats::{Nats, tell},
    rebuilding::House,
    script::{self, START, Script},
};

const EVENTS: u8 = 40;

/// A log with tables made from it, and who holds the one against the other.
struct Trial {
    nats: Nats,
    log: EventLog,
    house: House,
    clock: Clock,
    scrubber: Scrubber,
}

impl Trial {
    async fn begin() -> Self {
        let nats = Nats::start().await;
        let log = nats.log().await;
        let mut script = Script::default();
        for n in 0..EVENTS {
            script.key(&format!("key-{n}"), script::key(n));
        }
        for event in &script.events {
            tell(&log, event).await;
        }
        let house = House::on(&log).await;
        house.reached(EVENTS.into()).await;
        let clock = Clock::manual(START);
        Self {
            scrubber: Scrubber::new(log.clone(), house.served.clone(), clock.clone()),
            nats,
            log,
            house,
            clock,
        }
    }

    /// The server comes back with other records in its file.
    async fn change(&mut self, change: impl FnOnce(&mut Vec<Record>)) {
        self.nats
            .with_its_files(|data| {
                let mut records = block::read(data);
                change(&mut records);
                block::write(data, &records);
            })
            .await;
    }

    /// What a look at all of it finds.
    async fn found(&self) -> Vec<String> {
        let scrubbed = self.scrubber.scrub().await.unwrap();
        assert_eq!(self.scrubber.last(), Some(scrubbed.clone()));
        let findings = scrubbed.found.findings.into_iter();
        findings.map(|finding| finding.what).collect()
    }

    /// What the log says of that, and the tables have it, too.
    async fn said(&self) -> Vec<SealEvent> {
        let events = self.log.events_of(SEAL, damage::ID).await.unwrap();
        if let Some(last) = events.last() {
            self.house.reached(last.sequence).await;
        }
        events.iter().map(|event| event.decode().unwrap()).collect()
    }

    async fn names(&self) -> Vec<&'static str> {
        self.said().await.iter().map(SealEvent::name).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_it_was_recorded_is_found_and_said_once_until_it_is() {
    let mut trial = Trial::begin().await;
    assert_eq!(trial.found().await, [""; 0]);
    assert_eq!(trial.names().await, [""; 0]);
    trial.scrubber.tail(1_000).await.unwrap();

    // One is another one, with all that its server looks at in order.
    let mut before = None;
    trial
        .change(|records| {
            before = Some(records[6].clone());
            records[6].time += 1;
        })
        .await;
    let changed = "event 7 is not the one that was recorded";
    assert_eq!(trial.found().await, [changed]);
    assert_eq!(trial.found().await, [changed]);
    let said = trial.said().await;
    let [SealEvent::DamageFound(found)] = said.as_slice() else {
        panic!("{said:?}");
    };
    assert_eq!((found.position, found.more), (EVENTS.into(), 0));
    assert_eq!((found.findings[0].first, found.findings[0].last), (7, 7));
    // Before anybody is answered, the last ones are looked at, as many as are wanted.
    let refused = trial.scrubber.tail(1_000).await.unwrap_err().to_string();
    assert!(
        refused.contains(changed) && refused.contains("restore it from a backup"),
        "{refused}"
    );
    trial.scrubber.tail(10).await.unwrap();
    trial.scrubber.tail(0).await.unwrap();

    // Two more are gone.
    let mut gone = Vec::new();
    trial
        .change(|records| gone = records.drain(20..22).collect())
        .await;
    let missing = "events 21 to 22 are missing";
    assert_eq!(trial.found().await, [changed, missing]);
    assert_eq!(trial.names().await, ["damage-found", "damage-found"]);

    // Somebody has put back what was there.
    trial
        .change(|records| {
            records[6] = before.unwrap();
            records.splice(20..20, gone);
        })
        .await;
    assert_eq!(trial.found().await, [""; 0]);
    assert_eq!(trial.found().await, [""; 0]);
    let said = trial.names().await;
    assert_eq!(said, ["damage-found", "damage-found", "found-whole"]);
    trial.scrubber.tail(1_000).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_cut_off_is_not_written_to() {
    let mut trial = Trial::begin().await;
    trial.change(|records| records.truncate(30)).await;
    assert_eq!(trial.found().await, ["events 31 to 40 are missing"]);
    assert_eq!(trial.log.last_sequence().await.unwrap(), 30);
    // That it is another log is told by who follows it; he does not stand in the way of tables made anew.
    trial.scrubber.tail(1_000).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_read_through_soon_after_the_start_and_then_once_a_day() {
    let trial = Trial::begin().await;
    let stopping = CancellationToken::new();
    let day = Duration::from_secs(86_400);
    let scrubber = trial.scrubber.clone();
    let working = tokio::spawn(scrubber.keep_scrubbing(day, stopping.clone()));
    let next = async |step: Duration| {
        let before = trial.scrubber.last();
        let next = wait::until("it was read through", async || {
            let last = trial.scrubber.last();
            if last == before {
                trial.clock.advance(step);
            }
            last.filter(|last| before.as_ref() != Some(last))
        });
        next.await.at
    };
    let first = next(Duration::from_secs(1)).await;
    assert!(first - START < Duration::from_secs(3_600), "{first}");
    let second = next(Duration::from_secs(3_600)).await;
    assert!(second - first >= day, "{first}, {second}");
    let third = next(Duration::from_secs(3_600)).await;
    assert!(third - second >= day, "{second}, {third}");
    stopping.cancel();
    working.await.unwrap();
}
