//! Databases of both kinds: real files, and a real server.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests are tests too"
)]

use database::{DatabaseError, Home, begin_read, begin_write, octets};
use databases::{Databases, Kind, Postgresql};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement, TransactionTrait as _};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};
use tempfile::TempDir;

const BOTH: [Kind; 2] = [Kind::Sqlite, Kind::Postgresql];

/// Numbers, and words that sort otherwise in a dictionary than by their octets.
struct Tables;

impl MigrationName for Tables {
    fn name(&self) -> &str {
        "tables"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Tables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables =
            "CREATE TABLE number (n BIGINT PRIMARY KEY); CREATE TABLE word (w TEXT PRIMARY KEY)";
        let made = manager.get_connection().execute_unprepared(tables).await;
        made.map(|_| ())
    }
}

fn databases(kind: Kind) -> (Databases, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Databases::of(kind, folder.path()), folder)
}

async fn open(home: &Home) -> DatabaseConnection {
    home.open(vec![Box::new(Tables)]).await.unwrap()
}

async fn run(database: &impl ConnectionTrait, sql: &str) {
    database.execute_unprepared(sql).await.unwrap();
}

async fn count(database: &impl ConnectionTrait) -> i64 {
    let select = Statement::from_string(
        database.get_database_backend(),
        "SELECT count(*) FROM number",
    );
    let row = database.query_one_raw(select).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

async fn words(database: &impl ConnectionTrait) -> Vec<String> {
    let select = Statement::from_string(
        database.get_database_backend(),
        "SELECT w FROM word ORDER BY w",
    );
    let rows = database.query_all_raw(select).await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

const SHUFFLED: &str =
    "INSERT INTO word VALUES ('b'), ('A'), ('a'), ('_'), ('é'), ('Z'), ('a-b'), ('ab'), ('a c')";
const IN_ORDER: [&str; 9] = ["A", "Z", "_", "a", "a c", "a-b", "ab", "b", "é"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_and_then_writes_is_alone() {
    for kind in BOTH {
        let (databases, _folder) = databases(kind);
        let home = databases.home("keystore");
        // Two replicas, with connections of their own.
        let replicas = [open(&home).await, open(&home).await];
        let writers = (0..20).map(|n| {
            let database = replicas[n % 2].clone();
            tokio::spawn(async move {
                let tx = begin_write(&database).await.unwrap();
                let next = count(&tx).await + 1;
                run(&tx, &format!("INSERT INTO number VALUES ({next})")).await;
                tx.commit().await.unwrap();
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_eq!(count(&replicas[0]).await, 20, "{kind:?}");
    }
}

#[tokio::test]
async fn services_do_not_wait_for_each_other() {
    let (databases, _folder) = databases(Kind::Postgresql);
    let keystore = open(&databases.home("keystore")).await;
    let gateway = open(&databases.home("gateway")).await;
    let tx = begin_write(&keystore).await.unwrap();
    let other = begin_write(&gateway).await.unwrap();
    run(&other, "INSERT INTO number VALUES (1)").await;
    other.commit().await.unwrap();
    assert_eq!(count(&tx).await, 0, "each has tables of its own");
}

#[tokio::test]
async fn a_reader_sees_one_moment() {
    for kind in BOTH {
        let (databases, _folder) = databases(kind);
        let database = open(&databases.home("keystore")).await;
        let reader = begin_read(&database).await.unwrap();
        assert_eq!(count(&reader).await, 0);
        run(&database, "INSERT INTO number VALUES (1)").await;
        assert_eq!(count(&reader).await, 0, "{kind:?}");
        reader.commit().await.unwrap();
        assert_eq!(count(&database).await, 1);
    }
}

#[tokio::test]
async fn text_is_in_the_order_of_its_octets() {
    for kind in BOTH {
        let (databases, _folder) = databases(kind);
        let home = databases.home("keystore");
        let database = open(&home).await;
        run(&database, SHUFFLED).await;
        assert_eq!(words(&database).await, IN_ORDER, "{kind:?}");
        let (place, builder) = home.places().builder(0).await.unwrap();
        run(&builder, "CREATE TABLE word (w TEXT PRIMARY KEY)").await;
        octets(&builder).await.unwrap();
        run(&builder, SHUFFLED).await;
        assert_eq!(words(&builder).await, IN_ORDER, "{kind:?}");
        builder.close().await.unwrap();
        home.places().settle(place).await.unwrap();
        let found = home.places().open(place).await.unwrap();
        assert_eq!(words(&found).await, IN_ORDER, "{kind:?}");
    }
}

#[tokio::test]
async fn what_was_committed_stands_a_crash() {
    let mut server = Postgresql::start();
    let home = Home::postgresql("keystore", &server.url());
    let database = open(&home).await;
    run(&database, "INSERT INTO number VALUES (1)").await;
    server.crash_and_restart();
    // The connections that were cut are made anew.
    assert_eq!(count(&database).await, 1);
    let again = open(&home).await;
    assert_eq!(count(&again).await, 1);
}

#[tokio::test]
async fn replicas_that_start_together_migrate_once() {
    let (databases, _folder) = databases(Kind::Postgresql);
    let home = databases.home("keystore");
    let (one, other) = tokio::join!(open(&home), open(&home));
    run(&one, "INSERT INTO number VALUES (1)").await;
    assert_eq!(count(&other).await, 1);
}

#[tokio::test]
async fn a_server_that_may_lose_what_was_committed_is_refused() {
    let server = Postgresql::with(&["fsync=off"]);
    let refused = Home::postgresql("keystore", &server.url())
        .open(Vec::new())
        .await;
    let refused = refused.unwrap_err();
    let DatabaseError::Open { source, .. } = &refused else {
        panic!("{refused:?}");
    };
    assert!(
        source.to_string().contains("fsync is off and must be on"),
        "{source}"
    );
    assert!(refused.to_string().contains("schema keystore"), "{refused}");
}

#[tokio::test]
async fn a_place_is_there_from_its_first_use_until_it_is_removed() {
    for kind in BOTH {
        let (databases, folder) = databases(kind);
        let places = databases.home("rows").places();
        std::fs::write(folder.path().join("rows.sqlite"), "").unwrap();
        std::fs::write(folder.path().join("other.3.sqlite"), "").unwrap();
        let mut made = Vec::new();
        for after in [0, 9] {
            let (place, builder) = places.builder(after).await.unwrap();
            run(&builder, "CREATE TABLE number (n BIGINT)").await;
            builder.close().await.unwrap();
            places.settle(place).await.unwrap();
            let writer = places.writer(place).await.unwrap();
            run(&writer, "INSERT INTO number VALUES (1)").await;
            writer.close().await.unwrap();
            made.push(place);
        }
        assert_eq!(made, [1, 10]);
        assert_eq!(places.all().await.unwrap(), [1, 10], "{kind:?}");
        places.remove(1).await.unwrap();
        places.remove(1).await.unwrap();
        assert_eq!(places.all().await.unwrap(), [10], "{kind:?}");
    }
}

#[tokio::test]
async fn a_place_that_another_replica_uses_is_not_removed() {
    let (databases, _folder) = databases(Kind::Postgresql);
    let places = databases.home("rows").places();
    let (building, builder) = places.builder(0).await.unwrap();
    places.remove(building).await.unwrap();
    run(&builder, "CREATE TABLE number (n BIGINT)").await;
    builder.close().await.unwrap();
    let reader = places.open(building).await.unwrap();
    places.remove(building).await.unwrap();
    assert_eq!(count(&reader).await, 0);
    reader.close().await.unwrap();
    places.remove(building).await.unwrap();
    assert!(places.all().await.unwrap().is_empty());
    // A number is not used again before it is free.
    let (one, _first) = places.builder(0).await.unwrap();
    let (other, _second) = places.builder(0).await.unwrap();
    assert_ne!(one, other);
}

#[tokio::test]
async fn two_who_take_the_same_number_do_not_share_a_place() {
    let (databases, _folder) = databases(Kind::Postgresql);
    let places = databases.home("rows").places();
    let (one, other) = tokio::join!(places.builder(0), places.builder(0));
    let ((one, _one), (other, _other)) = (one.unwrap(), other.unwrap());
    assert_ne!(one, other);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_gives_its_turn_back() {
    for kind in BOTH {
        let (databases, _folder) = databases(kind);
        let database = open(&databases.home("keystore")).await;
        let tx = begin_write(&database).await.unwrap();
        run(&tx, "INSERT INTO number VALUES (1)").await;
        drop(tx);
        let tx = begin_write(&database).await.unwrap();
        assert_eq!(count(&tx).await, 0, "{kind:?}");
        tx.commit().await.unwrap();
        let plain = database.begin().await.unwrap();
        plain.commit().await.unwrap();
    }
}
