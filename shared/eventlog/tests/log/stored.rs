//! Events as they lie in the log, and their leaves in its tree.

use eventlog::{
    EventLog,
    proof::{Hash, Tree},
};
use futures_util::StreamExt as _;

use crate::{
    counter::{Counter, added},
    server::Server,
};

async fn leaves(log: &EventLog, after: u64, through: u64) -> Vec<(u64, Hash)> {
    let stored = log.stored(after, through);
    stored
        .map(|event| (event.sequence, event.leaf()))
        .collect()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_has_one_leaf_however_it_is_read() {
    let server = Server::with_log().await;
    let log = server.log().await;
    for n in 1..=30 {
        added(&log, &format!("c{}", n % 3), n).await;
    }
    let stored = leaves(&log, 0, 30).await;
    assert_eq!(stored.len(), 30);
    let mut tail = log.tail(Vec::new(), 0);
    for (sequence, leaf) in &stored {
        let event = tail.next().await.unwrap().unwrap();
        assert_eq!((event.sequence, event.leaf), (*sequence, *leaf));
        let alone = log.stored_at(*sequence).await.unwrap().unwrap();
        assert_eq!(alone.leaf(), *leaf);
        assert!(alone.header("ce-actor").is_some(), "{:?}", alone.headers);
    }
    for id in ["c0", "c1", "c2"] {
        for event in log.load::<Counter>(id).await.unwrap().events {
            assert_eq!(
                (event.sequence, event.leaf),
                stored[event.sequence as usize - 1]
            );
        }
    }
    assert_eq!(log.stored_at(31).await.unwrap(), None);
    // The same after the server was away, to the nanosecond.
    let mut tree = Tree::default();
    stored.iter().for_each(|(_, leaf)| tree.push(*leaf));
    let mut server = server;
    server.kill();
    server.run();
    let mut again = Tree::default();
    for (_, leaf) in leaves(&server.log().await, 0, 30).await {
        again.push(leaf);
    }
    assert_eq!(again.root(), tree.root());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stretch_of_the_log_ends_where_it_was_to_end() {
    let server = Server::with_log().await;
    let log = server.log().await;
    for n in 1..=5 {
        added(&log, "c", n).await;
    }
    let sequences = async |after, through| {
        let some = leaves(&log, after, through).await;
        some.into_iter()
            .map(|(sequence, _)| sequence)
            .collect::<Vec<_>>()
    };
    assert_eq!(sequences(0, 2).await, [1, 2]);
    assert_eq!(sequences(3, 5).await, [4, 5]);
    // What is not there yet is not waited for.
    assert_eq!(sequences(3, 50).await, [4, 5]);
    assert_eq!(sequences(5, 50).await, [0; 0]);
    assert_eq!(sequences(2, 2).await, [0; 0]);
}
