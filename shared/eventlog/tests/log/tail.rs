//! Reading on, past whatever happens to the server.

use eventlog::subject;
use futures_util::StreamExt as _;

use crate::{counter::added, server::Server};

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_goes_on_over_a_crash_without_gap_or_repeat() {
    let mut server = Server::with_log().await;
    let log = server.log().await;
    for n in 1..=20 {
        added(&log, "c", n).await;
    }
    let mut tail = log.tail(Vec::new(), 5);
    for sequence in 6..=20 {
        let event = tail.next().await.expect("an event").expect("one of ours");
        assert_eq!(event.sequence, sequence);
    }
    server.kill();
    server.run();
    let log = server.log().await;
    for n in 21..=30 {
        added(&log, "c", n).await;
    }
    for sequence in 21..=30 {
        let event = tail.next().await.expect("an event").expect("one of ours");
        assert_eq!(event.sequence, sequence);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_brings_only_what_it_was_asked_for() {
    let server = Server::with_log().await;
    let log = server.log().await;
    for id in ["a", "b", "c", "b"] {
        added(&log, id, 1).await;
    }
    let wanted = vec![
        subject::of_one("counter", "b"),
        subject::of_one("counter", "c"),
    ];
    let found: Vec<_> = log
        .tail(wanted, 0)
        .take(3)
        .map(|e| e.expect("ours").sequence)
        .collect()
        .await;
    assert_eq!(found, [2, 3, 4]);
}
