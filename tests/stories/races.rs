//! Of many who write at once one wins; an ack that was lost loses and doubles nothing. On the log alone.

use std::{sync::Arc, time::Duration};

use api::keystore::v1::KeyGenerated;
use eventlog::{Aggregate, CommandError, Envelope, EventLog, Executed, Origin, subject};
use futures_util::future::join_all;
use tempfile::TempDir;
use time::OffsetDateTime;
use town::{chaos, nats::Nats, wire::Wire};

eventlog::events! {
    /// What can happen to a key in this story.
    enum Event {
        /// It was made.
        Generated("generated"): KeyGenerated = "chancery.keystore.v1.KeyGenerated",
    }
}

/// A key, which is made once.
#[derive(Debug, Default, Clone)]
struct Key {
    made: usize,
}

impl Aggregate for Key {
    const NAME: &'static str = "key";
    type Event = Event;

    fn evolve(&mut self, Event::Generated(_): &Event, _: &Envelope) {
        self.made += 1;
    }
}

#[derive(Debug, PartialEq)]
struct AlreadyMade;

#[tokio::test(flavor = "multi_thread")]
async fn of_64_who_race_one_wins_each_time() {
    let (nats, _folder) = a_log().await;
    let logs = [log(&nats.address()).await, log(&nats.address()).await];
    let rounds = chaos::times(20, 1_000);
    for round in 0..rounds {
        let id = Arc::new(format!("key-{round}"));
        let racers = (0..64).map(|n| {
            let (log, id) = (logs[n % 2].clone(), id.clone());
            tokio::spawn(
                async move { make(&log, &id, &origin(&format!("racer-{n}"), "make it")).await },
            )
        });
        let ended = join_all(racers)
            .await
            .into_iter()
            .map(|ended| ended.unwrap())
            .collect::<Vec<_>>();
        assert_eq!(
            ended.iter().filter(|e| e.is_ok()).count(),
            1,
            "round {round}"
        );
        let lost = ended
            .iter()
            .filter(|e| matches!(e, Err(CommandError::Refused(AlreadyMade))))
            .count();
        assert_eq!(lost, 63, "round {round}: {ended:?}");
        assert_eq!(logs[0].load::<Key>(&id).await.unwrap().state.made, 1);
    }
    let events = logs[0].last_sequence().await.unwrap();
    let found = format!("{rounds} rounds of 64 racing writers: {events} won");
    chaos::figure("R5", found, events == rounds as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ack_that_is_retried_is_one_event() {
    let (nats, _folder) = a_log().await;
    let wire = Wire::to(&nats.address()).await;
    let behind_the_wire = log(wire.address()).await;
    let rounds = chaos::times(3, 10_000);
    for round in 0..rounds as u64 {
        let (id, origin) = (
            format!("key-{round}"),
            origin("client", &format!("make {round}")),
        );
        wire.lose_next_ack();
        // What the caller is told first does not matter: he asks again until he knows.
        let made = loop {
            match make(&behind_the_wire, &id, &origin).await {
                Ok(made) => break made,
                Err(CommandError::Failed(_) | CommandError::Contended) => {}
                Err(other) => panic!("round {round}: {other:?}"),
            }
        };
        assert!(wire.lost_one(), "round {round}: no ack was lost");
        assert_eq!(made.position, round + 1);
        let again = make(&behind_the_wire, &id, &origin).await.unwrap();
        assert!(again.repeated && again.event_id == made.event_id);
    }
    let direct = log(&nats.address()).await;
    let events = direct.last_sequence().await.unwrap();
    let found = format!("{rounds} lost acks, each retried: {events} events");
    chaos::figure("R4", found, events == rounds as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_finds_itself_after_the_server_has_forgotten_and_crashed() {
    let (mut nats, _folder) = a_log().await;
    let log = log(&nats.address()).await;
    let origin = origin("client", "make it");
    let first = make(&log, "key", &origin).await.unwrap();

    let jetstream = async_nats::jetstream::new(nats.connect().await);
    let mut config = jetstream
        .get_stream(subject::STREAM)
        .await
        .unwrap()
        .info()
        .await
        .unwrap()
        .config
        .clone();
    config.duplicate_window = Duration::from_millis(100);
    jetstream.update_stream(config).await.unwrap();
    // After a restart the server knows only the ids of the window, which by then are none.
    nats.crash_and_restart().await;

    let again = loop {
        match make(&log, "key", &origin).await {
            Ok(again) => break again,
            Err(CommandError::Failed(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    };
    assert!(again.repeated);
    assert_eq!(
        (again.event_id, again.position),
        (first.event_id, first.position)
    );
    let mut another = origin.clone();
    another.request_digest = "another payload".to_owned();
    assert!(matches!(
        make(&log, "key", &another).await,
        Err(CommandError::RequestIdReused)
    ));
    assert_eq!(log.last_sequence().await.unwrap(), 1);
}

async fn make(
    log: &EventLog,
    id: &str,
    origin: &Origin,
) -> Result<Executed<Key>, CommandError<AlreadyMade>> {
    let decide = |key: &Key| match key.made {
        0 => Ok(Event::Generated(KeyGenerated::default())),
        _ => Err(AlreadyMade),
    };
    log.execute::<Key, _>(id, origin, "", OffsetDateTime::UNIX_EPOCH, decide)
        .await
}

fn origin(actor: &str, request_id: &str) -> Origin {
    Origin {
        actor: actor.to_owned(),
        request_id: request_id.to_owned(),
        request_digest: "payload".to_owned(),
        correlation_id: uuid::Uuid::new_v4(),
        causation_id: None,
        unchanged_since: None,
    }
}

async fn a_log() -> (Nats, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let nats = Nats::with_log(folder.path()).await;
    (nats, folder)
}

async fn log(address: &str) -> EventLog {
    let client = async_nats::connect(address).await.unwrap();
    EventLog::open(client, "story").await.unwrap()
}
