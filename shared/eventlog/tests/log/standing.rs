//! How log and followers stand is seen from outside of them.

use eventlog::{Apply, ApplyError, Follower, Recorded, checkpoint};
use sea_orm::DatabaseTransaction;
use tokio_util::sync::CancellationToken;

use crate::{
    counter::added,
    database::database,
    server::{Server, until},
};

/// Takes every event up to one that it cannot take.
struct Picky {
    poison: u64,
}

#[async_trait::async_trait]
impl Apply for Picky {
    async fn apply(
        &mut self,
        _: &DatabaseTransaction,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        match events.iter().find(|event| event.sequence == self.poison) {
            Some(event) => Err(ApplyError::event(event, "poison")),
            None => Ok(()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_a_follower_is_shows_and_that_it_has_stopped() {
    let server = Server::with_limit(Some(10_000_000)).await;
    let log = server.log().await;
    let empty = log.look().await.unwrap();
    assert_eq!((empty.last_sequence, empty.followers.len()), (0, 0));
    assert_eq!(empty.max_bytes, Some(10_000_000));
    let folder = tempfile::tempdir().unwrap();
    let databases = databases::Databases::wanted(folder.path());
    let follower = Follower {
        name: "picky".into(),
        subjects: Vec::new(),
        log: log.clone(),
        database: database(&databases, [checkpoint::migration()]).await,
    };
    let stopping = CancellationToken::new();
    let running = tokio::spawn(follower.run(Picky { poison: 3 }, stopping));
    for by in 1..=2 {
        added(&log, "c", by).await;
    }
    until("it has applied both", async || {
        let look = log.look().await.unwrap();
        look.followers
            .iter()
            .any(|f| f.position == 2 && f.behind == 0 && f.running)
    })
    .await;
    assert_eq!(log.stopped_followers(), [""; 0]);

    let poison = added(&log, "c", 3).await;
    added(&log, "c", 4).await;
    assert!(running.await.unwrap().is_err());
    let look = log.look().await.unwrap();
    let [stopped] = look.followers.as_slice() else {
        panic!("{look:?}");
    };
    assert_eq!(
        (stopped.position, stopped.behind, stopped.running),
        (2, 2, false)
    );
    let event = log.load::<crate::counter::Counter>("c").await.unwrap();
    let stored = event
        .events
        .iter()
        .find(|event| event.sequence == poison.position);
    assert_eq!(stopped.waiting_since, stored.map(|event| event.stored));
    assert!(look.bytes > empty.bytes && look.last_sequence == 4);
    assert_eq!(log.stopped_followers(), ["picky"]);
}
