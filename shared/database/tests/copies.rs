//! Tables that are copied: from one kind of database to the other, as of one moment.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests are tests too"
)]

use std::pin::pin;

use database::copy::{self, Content, Digest, Table};
use databases::{Databases, Kind};
use futures_util::TryStreamExt as _;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, StreamTrait, Value};
use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, prelude::Table as Created, schema,
};
use time::macros::datetime;
use uuid::Uuid;

/// A table with a column of each kind, some of them empty.
struct OfAll;

impl MigrationName for OfAll {
    fn name(&self) -> &str {
        "of_all"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for OfAll {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Created::create()
            .table("of_all")
            .col(schema::uuid("id").primary_key())
            .col(schema::string_len_null("user", 64))
            .col(schema::text("body"))
            .col(schema::boolean("truth"))
            .col(schema::integer("small"))
            .col(schema::big_integer_null("large"))
            .col(schema::binary("octets"))
            .col(schema::timestamp_with_time_zone_null("since"))
            .to_owned();
        manager.create_table(table).await
    }
}

/// In the order of the columns' names: body, id, large, octets, since, small, truth, user.
fn rows(small: Value) -> Vec<Vec<Value>> {
    let row = |n: u8| {
        vec![
            format!("Ü\n\"{n}\"").into(),
            Uuid::from_bytes([n; 16]).into(),
            Value::BigInt((n > 1).then_some(i64::MIN + i64::from(n))),
            vec![0, n, 255].into(),
            Value::TimeDateTimeWithTimeZone(
                (n != 2).then_some(datetime!(2026-01-02 03:04:05.678901 UTC)),
            ),
            small.clone(),
            (n == 1).into(),
            Value::String((n == 1).then(|| "user".to_owned())),
        ]
    };
    (1..=200).map(row).collect()
}

async fn open(databases: &Databases) -> DatabaseConnection {
    databases
        .home("keystore")
        .open(vec![Box::new(OfAll)])
        .await
        .unwrap()
}

async fn read<C: ConnectionTrait + StreamTrait>(database: &C) -> (Table, Vec<Vec<Value>>, Content) {
    let tables = copy::tables(database).await.unwrap();
    let [table] = tables.as_slice() else {
        panic!("{tables:?}");
    };
    let mut rows = Vec::new();
    let mut digest = Digest::new(table);
    let mut stream = pin!(table.rows(database).await.unwrap());
    while let Some(row) = stream.try_next().await.unwrap() {
        digest.row(&row);
        rows.push(row);
    }
    (table.clone(), rows, digest.end())
}

#[tokio::test]
async fn every_value_is_the_same_on_both_and_in_between() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [file, server] = [
        Databases::of(Kind::Sqlite, folders[0].path()),
        Databases::of(Kind::Postgresql, folders[1].path()),
    ];
    let (file, server) = (open(&file).await, open(&server).await);
    let (table, ..) = read(&file).await;
    let long = Value::BigInt(Some(-7));
    table.write(&file, rows(long.clone())).await.unwrap();
    let (from, copied, was) = read(&file).await;
    assert_eq!(copied, rows(long));
    // As a backup has it.
    let told = copied.iter().map(|row| from.to_json(row));
    let told = told
        .map(|row| from.of_json(row).unwrap())
        .collect::<Vec<_>>();
    assert_eq!(told, copied);
    from.write(&server, told).await.unwrap();
    let (to, written, is) = read(&server).await;
    assert_eq!(
        (to.key, to.columns.len()),
        (from.key.clone(), from.columns.len())
    );
    assert_eq!(written, rows(Value::Int(Some(-7))));
    assert_eq!(is, was);
    // One that differs in one bit is told apart.
    run(&server, "UPDATE of_all SET small = -8 WHERE truth").await;
    let (.., is) = read(&server).await;
    assert_eq!(is.rows, was.rows);
    assert_ne!(is, was);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_database_is_not_written_and_is_seen_as_it_was() {
    for kind in [Kind::Sqlite, Kind::Postgresql] {
        let folder = tempfile::tempdir().unwrap();
        let databases = Databases::of(kind, folder.path());
        let home = databases.home("keystore");
        assert!(!home.is_there().await.unwrap(), "{kind:?}");
        let database = open(&databases).await;
        assert!(home.is_there().await.unwrap(), "{kind:?}");
        let (table, ..) = read(&database).await;
        let mut rows = rows(Value::BigInt(Some(-7))).into_iter();
        table
            .write(&database, rows.by_ref().take(3).collect())
            .await
            .unwrap();

        let frozen = home.freeze().await.unwrap();
        let writing = tokio::spawn({
            let (database, table, rest) = (database.clone(), table.clone(), rows.collect());
            async move { table.write(&database, rest).await }
        });
        let moment = frozen.thaw().await.unwrap();
        writing.await.unwrap().unwrap();
        let (.., seen) = read(&moment.reader).await;
        let (.., now) = read(&database).await;
        assert_eq!((seen.rows, now.rows), (3, 200), "{kind:?}");
        moment.close().await.unwrap();
    }
}

async fn run(database: &DatabaseConnection, sql: &str) {
    database.execute_unprepared(sql).await.unwrap();
}

#[tokio::test]
async fn what_has_a_part_alone_is_opened_by_nobody_but_who_copies() {
    for kind in [Kind::Sqlite, Kind::Postgresql] {
        let folder = tempfile::tempdir().unwrap();
        let databases = Databases::of(kind, folder.path());
        let home = databases.home("keystore");
        let open = async || home.open(vec![Box::new(OfAll)]).await;
        let copying = home.open_to_copy(vec![Box::new(OfAll)]).await.unwrap();
        let refused = open().await.unwrap_err().to_string();
        assert!(refused.starts_with("only a part was copied"), "{refused}");
        copy::finish(&copying).await.unwrap();
        open().await.unwrap().close().await.unwrap();
        copying.close().await.unwrap();
    }
}
