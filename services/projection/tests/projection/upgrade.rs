//! A database that an earlier version made.

use eventlog::checkpoint::{Checkpoint, checkpoint};
use projection::follow::FOLLOWER;
use time::Duration;

use crate::{
    database::Tables,
    script::{self, START, Script, certificate},
};

#[tokio::test]
async fn the_tables_of_an_earlier_version_are_built_again_from_the_log() {
    let mut script = Script::default();
    let leaf = certificate(1, &["a.example"], START, Duration::days(90));
    script.issued("c", script::issued("Shop", leaf, vec![]));
    let new = Tables::with(&script.events).await;

    let tables = Tables::upgraded(FIRST_VERSION).await;
    let at = checkpoint(&tables.database, FOLLOWER).await.unwrap();
    assert_eq!(at, Checkpoint::default(), "it begins again");
    let another = checkpoint(&tables.database, "another").await.unwrap();
    assert_eq!(another.sequence, 5);
    assert!(tables.dump().await.is_empty());
    tables.apply(&script.events).await.unwrap();
    assert_eq!(tables.dump().await, new.dump().await);
}

/// What the first version made, as far as it is in the way of what is made now.
const FIRST_VERSION: &str = "
    CREATE TABLE seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL);
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
