//! The tables made anew while questions are answered, and compared with the log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use api::projection::v1::{
    GetRequest, ListRequest, RebuildPhase, query_service_server::QueryService,
};
use databases::Databases;
use eventlog::EventLog;
use projection::{
    grpc::{Questions, tables::Upkeep},
    keeper::Keeper,
    position::Position,
    rebuild::{Progress, Rebuilds},
    served::Served,
    store::{Place, Store},
    verify::Verifier,
};
use runtime::Clock;
use sea_orm::ConnectionTrait;
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    database::dump,
    nats::{Nats, tell},
    replay::history,
    script::{self, START, Script, asked},
    upgrade::store,
};

const LONG: Duration = Duration::from_secs(30);

/// The service without its sockets.
pub struct House {
    pub served: Served,
    pub rebuilds: Rebuilds,
    pub verifier: Verifier,
    pub upkeep: Upkeep,
    pub questions: Questions,
    store: Store,
    stopping: CancellationToken,
    keeping: JoinHandle<Place>,
    databases: Databases,
    pub folder: TempDir,
}

impl House {
    pub async fn on(log: &EventLog) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let databases = Databases::wanted(folder.path());
        let store = store(&databases).await;
        let place = store.served().await.unwrap();
        let served = Served::new(place.database.clone(), Position::at(0));
        let stopping = CancellationToken::new();
        let (switches, asked) = mpsc::channel(1);
        let clock = Clock::manual(START);
        let keeper = Keeper::new(
            log.clone(),
            store.clone(),
            served.clone(),
            asked,
            clock.clone(),
        );
        let rebuilds = Rebuilds::new(log.clone(), store.clone(), switches, stopping.clone());
        let verifier = Verifier::new(log.clone(), folder.path().to_path_buf());
        Self {
            upkeep: Upkeep {
                served: served.clone(),
                rebuilds: rebuilds.clone(),
                verifier: verifier.clone(),
                log: log.clone(),
                clock: clock.clone(),
            },
            questions: Questions::new(served.clone(), None, clock, LONG),
            keeping: tokio::spawn(keeper.run(place, stopping.clone())),
            served,
            rebuilds,
            verifier,
            store,
            stopping,
            databases,
            folder,
        }
    }

    pub async fn reached(&self, sequence: u64) {
        let position = self.served.position();
        position.reached(sequence, LONG).await.unwrap();
    }

    /// Rebuilds to the end.
    pub async fn rebuilt(&self) -> Progress {
        let mut progress = self.rebuilds.begin();
        let over = |now: &Progress| now.failed.is_some() || now.phase == RebuildPhase::Served;
        let over = tokio::time::timeout(LONG, progress.wait_for(over)).await;
        over.unwrap().unwrap().clone()
    }

    /// Stops, and answers the tables that were served.
    pub async fn stopped(self) -> (u64, (Databases, TempDir)) {
        self.stopping.cancel();
        let place = self.keeping.await.unwrap();
        place.close().await.unwrap();
        (place.number, (self.databases, self.folder))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_question_fails_while_the_tables_are_made_anew() {
    let (nats, script) = (Nats::start().await, history());
    let log = nats.log().await;
    let house = House::on(&log).await;
    let mut last = 0;
    for event in &script.events {
        last = tell(&log, event).await;
    }
    house.reached(last).await;
    let before = dump(&house.served.database()).await;
    let compared = house
        .verifier
        .compare(&house.served.database(), |_, _| {})
        .await;
    let compared = compared.unwrap();
    assert_eq!(compared.served, compared.replayed);

    // Questions all the time, each for what was written last.
    let (over, asked_times) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let readers = (0..4).map(|_| {
        let (questions, over, times) = (house.questions.clone(), over.clone(), asked_times.clone());
        let served = house.served.clone();
        tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let at_least = served.position().now();
                let list = ListRequest {
                    at_least,
                    ..ListRequest::default()
                };
                let page = questions.list_certificates(asked(list)).await.unwrap();
                let page = page.into_inner();
                assert!(page.position >= at_least);
                assert_eq!(page.certificates.len(), 3);
                let get = GetRequest {
                    id: "certificate-3".to_owned(),
                    at_least,
                    ..GetRequest::default()
                };
                questions.get_certificate(asked(get)).await.unwrap();
                times.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let readers = readers.collect::<Vec<_>>();
    // And commands.
    let mut keys = Script::default();
    for n in 0..40_u8 {
        keys.key(&format!("new-{n}"), script::key(100 + n));
    }
    let writing = async {
        for event in &mut keys.events {
            event.request_id = format!("another {}", event.request_id);
            last = tell(&log, event).await;
        }
        last
    };
    let rebuilding = async {
        let mut rebuilt = Vec::new();
        for _ in 0..3 {
            rebuilt.push(house.rebuilt().await);
        }
        rebuilt
    };
    let (last, rebuilt) = tokio::join!(writing, rebuilding);
    for progress in rebuilt {
        assert!(progress.failed.is_none(), "{:?}", progress.failed);
    }
    house.reached(last).await;
    over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(asked_times.load(Ordering::Relaxed) > 3);

    let after = dump(&house.served.database()).await;
    assert!(after.len() > before.len());
    let compared = house
        .verifier
        .compare(&house.served.database(), |_, _| {})
        .await;
    let compared = compared.unwrap();
    assert_eq!(
        (compared.position, compared.served),
        (last, compared.replayed)
    );
    // What is served is found again, and all else removed.
    let store = house.store.clone();
    let (served, _kept) = house.stopped().await;
    let again = store.served().await.unwrap();
    assert_eq!(again.number, served);
    assert!(served > 1);
    assert_eq!(dump(&again.database).await, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_not_what_the_log_says_is_found_and_made_right() {
    let (nats, script) = (Nats::start().await, history());
    let log = nats.log().await;
    let house = House::on(&log).await;
    for event in &script.events {
        tell(&log, event).await;
    }
    house.reached(script.events.len() as u64).await;
    let differing = async || {
        let database = house.served.database();
        let compared = house.verifier.compare(&database, |_, _| {}).await.unwrap();
        let tables = compared.served.iter().zip(&compared.replayed);
        let differ = tables.filter(|(served, replayed)| served != replayed);
        differ.map(|(served, _)| served.table).collect::<Vec<_>>()
    };
    assert_eq!(differing().await, [""; 0]);
    let mut differ = Vec::new();
    for (change, table) in [
        (
            "UPDATE private_key SET exports = exports + 1 WHERE id = 'key-3'",
            "private_key",
        ),
        ("UPDATE event SET body = '{}' WHERE sequence = 1", "event"),
        (
            "DELETE FROM certificate_name WHERE name = 'c.example'",
            "certificate_name",
        ),
        (
            "UPDATE automation SET dns_names = '[\"x\"]' WHERE id = 'automation-1'",
            "automation",
        ),
    ] {
        let database = house.served.database();
        database.execute_unprepared(change).await.unwrap();
        differ.push(table);
        let mut found = differing().await;
        found.sort_unstable();
        differ.sort_unstable();
        assert_eq!(found, differ);
    }
    assert!(house.rebuilt().await.failed.is_none());
    assert_eq!(differing().await, [""; 0]);
}
