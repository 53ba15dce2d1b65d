//! Rows from events, each once.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use eventlog::{
    Apply, ApplyError, EventLog, FollowError, Follower, LogError, Recorded,
    checkpoint::{self, checkpoint},
    subject,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, Statement};
use sea_orm_migration::{MigrationTrait, SchemaManager};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    counter::{Event, added},
    database::database,
    server::{Server, until},
};

const NAME: &str = "rows";

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_checkpoint_are_written_together_wherever_it_crashes() {
    let town = Town::new().await;
    for n in 1..=1_500 {
        added(&town.log, &format!("c{}", n % 7), n).await;
    }
    for crash in [
        Crash::BeforeCommit(40),
        Crash::AfterCommit,
        Crash::BeforeCommit(1_400),
    ] {
        let (running, _) = town.follow(Rows {
            crash: Some(crash),
            ..Rows::default()
        });
        let crashed = running.await;
        assert!(crashed.is_err_and(|e| e.is_panic()), "{crash:?}");
        let expected = match crash {
            // Whatever the batches before brought.
            Crash::BeforeCommit(40) => 0..40,
            Crash::AfterCommit => 1..1_400,
            Crash::BeforeCommit(_) => 1..1_400,
        };
        let position = town.position().await;
        assert!(expected.contains(&position), "{crash:?}: {position}");
        town.rows_match_checkpoint().await;
    }
    let (running, stopping) = town.follow(Rows::default());
    until("all is there", async || town.position().await == 1_500).await;
    stopping.cancel();
    running.await.expect("no panic").expect("stopped");
    town.rows_match_checkpoint().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_write_each_event_once() {
    let town = Town::new().await;
    let followers = [town.follow(Rows::default()), town.follow(Rows::default())];
    for n in 1..=300 {
        added(&town.log, "c", n).await;
    }
    until("all is there", async || town.position().await == 300).await;
    let context = town.server.context().await;
    let stream = context.get_stream(subject::STREAM).await.expect("a log");
    let readers = stream.cached_info().state.consumer_count;
    assert_eq!(readers, 2, "who loses a race does not begin to read anew");
    for (running, stopping) in followers {
        stopping.cancel();
        running.await.expect("no panic").expect("stopped");
    }
    town.rows_match_checkpoint().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_applied_is_never_passed_over() {
    let town = Town::new().await;
    for n in 1..=10 {
        added(&town.log, "c", n).await;
    }
    for _ in 0..2 {
        let (running, _) = town.follow(Rows {
            poison: Some(6),
            ..Rows::default()
        });
        let ended = running.await.expect("no panic");
        let Err(FollowError::Apply {
            source: ApplyError::Event {
                sequence, event, ..
            },
            ..
        }) = ended
        else {
            panic!("{ended:?}");
        };
        assert_eq!((sequence, event.as_str()), (6, "counter.added"));
        assert_eq!(town.position().await, 5, "what came before is applied");
        town.rows_match_checkpoint().await;
    }
    let (_running, _) = town.follow(Rows::default());
    until("it went on", async || town.position().await == 10).await;
    town.rows_match_checkpoint().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_of_some_events_stands_where_the_log_stands() {
    let town = Town::new().await;
    let rows = Rows::default();
    let seen = rows.positions.clone();
    let follower = Follower {
        subjects: vec![subject::of_one("counter", "mine")],
        ..town.follower()
    };
    let _running = tokio::spawn(follower.run(rows, CancellationToken::new()));
    for id in ["mine", "other", "mine", "other", "other"] {
        added(&town.log, id, 1).await;
    }
    until("it has passed all", async || {
        seen.lock().expect("whole").last() == Some(&5)
    })
    .await;
    assert_eq!(town.rows().await, [(1, 1), (3, 1)]);
    // Nothing has to be written for that; the checkpoint follows when nothing happens.
    until("it says so", async || town.position().await == 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_no_row_is_passed_over_again_after_a_crash_and_not_after_a_stop() {
    let town = Town::new().await;
    let follow = || {
        let rows = Rows::default();
        let seen = rows.positions.clone();
        let follower = Follower {
            subjects: vec![subject::of_one("counter", "mine")],
            ..town.follower()
        };
        let stopping = CancellationToken::new();
        let running = tokio::spawn(follower.run(rows, stopping.clone()));
        (running, stopping, seen)
    };
    let (running, stopping, seen) = follow();
    for id in ["mine", "other", "other"] {
        added(&town.log, id, 1).await;
    }
    until("it has passed all", async || {
        seen.lock().expect("whole").last() == Some(&3)
    })
    .await;
    stopping.cancel();
    running.await.expect("no panic").expect("stopped");
    assert_eq!(town.position().await, 3);

    let (running, _stopping, seen) = follow();
    for id in ["other", "other"] {
        added(&town.log, id, 1).await;
    }
    until("it has passed all", async || {
        seen.lock().expect("whole").last() == Some(&5)
    })
    .await;
    running.abort();
    assert!(running.await.is_err_and(|e| e.is_cancelled()));
    let (_running, _stopping, seen) = follow();
    added(&town.log, "mine", 1).await;
    until("it has passed all", async || {
        seen.lock().expect("whole").last() == Some(&6)
    })
    .await;
    assert_eq!(town.position().await, 6);
    assert_eq!(town.rows().await, [(1, 1), (6, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_went_backwards_stops_a_follower_that_runs() {
    let mut town = Town::new().await;
    let (running, _) = town.follow(Rows::default());
    for n in 1..=10 {
        added(&town.log, "c", n).await;
    }
    until("all is there", async || town.position().await == 10).await;
    town.forget(3).await;
    let ended = tokio::time::timeout(Duration::from_secs(15), running)
        .await
        .expect("in time");
    let ended = ended.expect("no panic");
    assert!(
        matches!(ended, Err(FollowError::LogChanged { sequence: 10, .. })),
        "{ended:?}"
    );
    assert_eq!(town.position().await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_another_past_is_not_followed() {
    let mut town = Town::new().await;
    let (running, stopping) = town.follow(Rows::default());
    for n in 1..=10 {
        added(&town.log, "c", n).await;
    }
    until("all is there", async || town.position().await == 10).await;
    stopping.cancel();
    running.await.expect("no panic").expect("stopped");
    // The same sequences again, and more, with other events.
    town.forget(20).await;
    let (running, _) = town.follow(Rows::default());
    let ended = running.await.expect("no panic");
    assert!(
        matches!(ended, Err(FollowError::LogChanged { sequence: 10, .. })),
        "{ended:?}"
    );
    assert_eq!(town.rows().await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_log_has_lost_is_not_passed_over() {
    let town = Town::new().await;
    // A log whose events can be deleted, which no service would have opened.
    let context = town.server.context().await;
    let mut stream = context.get_stream(subject::STREAM).await.expect("a log");
    let mut config = stream.info().await.expect("its info").config.clone();
    config.deny_delete = false;
    context
        .delete_stream(subject::STREAM)
        .await
        .expect("deleted");
    let stream = context.create_stream(config).await.expect("made anew");
    for n in 1..=10 {
        added(&town.log, "c", n).await;
    }
    stream.delete_message(6).await.expect("deleted");
    let (running, _) = town.follow(Rows::default());
    let ended = tokio::time::timeout(Duration::from_secs(15), running)
        .await
        .expect("in time");
    let ended = ended.expect("no panic");
    assert!(
        matches!(&ended, Err(FollowError::Log { source: LogError::Damaged(what), .. }) if what.contains("event 6")),
        "{ended:?}"
    );
    assert_eq!(town.position().await, 5, "what came before is applied");
}

/// A log and a database.
struct Town {
    server: Server,
    log: EventLog,
    database: DatabaseConnection,
    _databases: databases::Databases,
    _folder: tempfile::TempDir,
}

impl Town {
    async fn new() -> Self {
        let server = Server::with_log().await;
        let folder = tempfile::tempdir().expect("a folder");
        let databases = databases::Databases::wanted(folder.path());
        let migrations = [checkpoint::migration(), Box::new(CreateRows) as _];
        Self {
            log: server.log().await,
            database: database(&databases, migrations).await,
            server,
            _databases: databases,
            _folder: folder,
        }
    }

    fn follower(&self) -> Follower {
        Follower {
            name: NAME.into(),
            subjects: Vec::new(),
            log: self.log.clone(),
            database: self.database.clone(),
        }
    }

    fn follow(&self, rows: Rows) -> (JoinHandle<Result<(), FollowError>>, CancellationToken) {
        let stopping = CancellationToken::new();
        let running = tokio::spawn(self.follower().run(rows, stopping.clone()));
        (running, stopping)
    }

    /// The server loses its log, and gets a new one of so many events.
    async fn forget(&mut self, events: u64) {
        self.server.kill();
        self.server.lose_everything();
        self.server.run();
        self.server.provision(None).await;
        let log = self.server.log().await;
        for n in 1..=events {
            added(&log, "c", n).await;
        }
    }

    async fn position(&self) -> u64 {
        checkpoint(&self.database, NAME)
            .await
            .expect("a checkpoint")
            .sequence
    }

    async fn rows(&self) -> Vec<(i64, i64)> {
        let query = Statement::from_string(
            self.database.get_database_backend(),
            "SELECT sequence, added FROM added ORDER BY sequence",
        );
        let rows = self.database.query_all_raw(query).await.expect("rows");
        rows.iter()
            .map(|row| {
                (
                    row.try_get_by_index(0).expect("a number"),
                    row.try_get_by_index(1).expect("a number"),
                )
            })
            .collect()
    }

    async fn rows_match_checkpoint(&self) {
        let rows = self.rows().await;
        let sequences: Vec<_> = rows.iter().map(|(sequence, _)| *sequence).collect();
        let expected: Vec<_> = (1..=self.position().await as i64).collect();
        assert_eq!(sequences, expected);
    }
}

#[derive(Default)]
struct Rows {
    poison: Option<u64>,
    crash: Option<Crash>,
    positions: Arc<Mutex<Vec<u64>>>,
}

/// Where the process ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Crash {
    /// The rows up to this event are written, and the transaction is open.
    BeforeCommit(u64),
    /// A batch is committed, and nobody knows yet.
    AfterCommit,
}

#[async_trait::async_trait]
impl Apply for Rows {
    async fn apply(
        &mut self,
        tx: &DatabaseTransaction,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        for event in events {
            if self.poison == Some(event.sequence) {
                return Err(ApplyError::event(event, "poison"));
            }
            let Event::Added(added) = event.decode().map_err(|e| ApplyError::event(event, e))?
            else {
                continue;
            };
            let insert = Statement::from_sql_and_values(
                tx.get_database_backend(),
                "INSERT INTO added (sequence, added) VALUES ($1, $2)",
                [(event.sequence as i64).into(), (added.by as i64).into()],
            );
            tx.execute_raw(insert).await?;
            assert_ne!(
                self.crash,
                Some(Crash::BeforeCommit(event.sequence)),
                "crash"
            );
        }
        Ok(())
    }

    async fn committed(&mut self, position: u64, events: &[Recorded]) {
        if !events.is_empty() {
            assert_ne!(self.crash, Some(Crash::AfterCommit), "crash");
        }
        self.positions.lock().expect("whole").push(position);
    }
}

struct CreateRows;

impl sea_orm_migration::MigrationName for CreateRows {
    fn name(&self) -> &str {
        "create_rows"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateRows {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = "CREATE TABLE added (sequence BIGINT PRIMARY KEY, added BIGINT NOT NULL)";
        let made = manager.get_connection().execute_unprepared(table).await;
        made.map(|_| ())
    }
}
