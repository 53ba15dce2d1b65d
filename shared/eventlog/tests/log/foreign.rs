//! Another service's aggregate, of which only a part is known.

use eventlog::{Aggregate, LogError};

use crate::{
    counter::{Added, Counter, NOW, added, close, origin},
    server::Server,
};

eventlog::events! {
    /// All that matters of a counter to somebody else.
    enum Part {
        /// It counts on.
        Added("added"): Added = "test.v1.Added",
    }
}

eventlog::events! {
    /// What another version took a counter's event for.
    enum Misread {
        /// It counts on.
        Added("added"): String = "test.v1.Added",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_passed_over_and_what_cannot_be_read_is_told() {
    let server = Server::with_log().await;
    let log = server.log().await;
    added(&log, "c", 3).await;
    let origin = origin("close", "close");
    let closed = log.execute("c", &origin, "", NOW, close).await;
    closed.expect("closed");

    let events = log.events_of(Counter::NAME, "c").await.expect("read");
    let part = events.iter().map(|e| e.decode_known::<Part>());
    let part = part.collect::<Result<Vec<_>, _>>().expect("decoded");
    assert_eq!(part, [Some(Part::Added(Added { by: 3 })), None]);
    let misread = events[0].decode_known::<Misread>();
    assert!(matches!(misread, Err(LogError::Decode { sequence: 1, .. })));
    let nobody = log.events_of("nothing", "c").await.expect("read");
    assert_eq!(nobody, []);
    let wide = log.events_of(Counter::NAME, ">").await;
    assert!(matches!(wide, Err(LogError::InvalidId(_))));
}
