//! A database that an earlier version made.

use databases::Databases;
use eventlog::checkpoint::{Checkpoint, checkpoint};
use projection::{follow::FOLLOWER, store::Store, tables::migration};
use runtime::database::Home;
use sea_orm::ConnectionTrait;

use crate::database::dump;

/// A store of tables in these databases.
pub async fn store(databases: &Databases) -> Store {
    let home = databases.home("projection");
    let base = home.open(migration::all()).await.unwrap();
    Store::new(base, home.places())
}

#[tokio::test]
async fn the_tables_of_an_earlier_version_are_built_again_from_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::sqlite("projection", folder.path());
    let base = home.open(Vec::new()).await.unwrap();
    base.execute_unprepared(FIRST_VERSION).await.unwrap();
    base.close().await.unwrap();
    let base = home.open(migration::all()).await.unwrap();
    let store = Store::new(base.clone(), home.places());
    let place = store.served().await.unwrap();
    let at = checkpoint(&place.database, FOLLOWER).await.unwrap();
    assert_eq!(at, Checkpoint::default(), "it begins again");
    let another = checkpoint(&base, "another").await.unwrap();
    assert_eq!(another.sequence, 5);
    assert!(dump(&place.database).await.is_empty());
    let old = base.execute_unprepared("SELECT * FROM certificate").await;
    assert!(old.is_err(), "the old ones are gone");
}

#[tokio::test]
async fn what_is_served_is_found_again_and_what_is_not_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let databases = Databases::wanted(folder.path());
    let store = store(&databases).await;
    let places = databases.home("projection").places();
    let first = store.served().await.unwrap();
    first.close().await.unwrap();
    // A rebuild that is killed half-way.
    let half = store.make().await.unwrap();
    let rows = "INSERT INTO tally VALUES (1, 'half', 7)";
    half.writer.execute_unprepared(rows).await.unwrap();
    half.writer.close().await.unwrap();
    assert_eq!(places.all().await.unwrap(), [first.number, half.number]);

    let again = store.served().await.unwrap();
    assert_eq!(again.number, first.number);
    again.close().await.unwrap();
    assert_eq!(places.all().await.unwrap(), [first.number]);
    // One that came to its end.
    let whole = store.make().await.unwrap();
    let whole = store.settle(whole).await.unwrap();
    assert!(store.serve(Some(first.number), whole).await.unwrap());
    let late = store.serve(Some(first.number), 99).await.unwrap();
    assert!(!late, "another was faster");
    let served = store.served().await.unwrap();
    assert_eq!(served.number, whole);
    served.close().await.unwrap();
    assert_eq!(places.all().await.unwrap(), [whole]);
}

/// What the first version made, as far as it is in the way of what is made now.
const FIRST_VERSION: &str = "
    CREATE TABLE IF NOT EXISTS seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL);
    INSERT INTO seaql_migrations VALUES
        ('eventlog_000001_follower_checkpoint', 1), ('m20260101_000001_first_tables', 1);
    CREATE TABLE follower_checkpoint (follower varchar NOT NULL PRIMARY KEY, sequence bigint NOT NULL, hash blob NOT NULL);
    INSERT INTO follower_checkpoint VALUES ('projection', 7, zeroblob(32)), ('another', 5, zeroblob(32));
    CREATE TABLE certificate (id text NOT NULL PRIMARY KEY, friendly_name_folded text NOT NULL);
    CREATE INDEX ix_certificate_name ON certificate (friendly_name_folded, id);
    INSERT INTO certificate VALUES ('c', 'old');
    CREATE TABLE certificate_name (
        certificate_id text NOT NULL REFERENCES certificate (id) ON DELETE CASCADE, name text NOT NULL,
        PRIMARY KEY (certificate_id, name));
    INSERT INTO certificate_name VALUES ('c', 'old.example');
";
