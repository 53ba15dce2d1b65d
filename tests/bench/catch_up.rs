//! The projection catching up on a long log, against bare batched inserts of the rows that it makes.

use std::time::{Duration, Instant};

use api::projection::v1::{ListRequest, query_service_client::QueryServiceClient};
use tonic::Request;
use town::{installation::Installation, wait};

use crate::{
    figure::{Figure, Wanted},
    inserts,
    memory::Sampling,
    seed,
};

/// Rate and memory.
pub async fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::new(folder.path(), "");
    installation.event_log_alone().await;
    let started = Instant::now();
    let last = seed::log_of(&installation, EVENTS.div_ceil(seed::EVENTS_EACH)).await;
    eprintln!(
        "  {last} events are in the log after {:.0} s",
        started.elapsed().as_secs_f64()
    );

    let started = Instant::now();
    installation.start("projection");
    let sampling = Sampling::of(installation.process("projection").id());
    until_caught_up(&installation, last).await;
    let ours = started.elapsed();
    let samples = sampling.end();
    installation.process("projection").stop("TERM").await;

    let (rows, bare) = inserts::again(&installation, folder.path(), 1).await;
    eprintln!(
        "  {rows} rows: projected in {:.1} s, inserted in {:.1} s",
        ours.as_secs_f64(),
        bare.as_secs_f64()
    );

    let rate = |duration: Duration| last as f64 / duration.as_secs_f64();
    // By the second quarter all caches are filled; what grows after that grows with the log.
    let quarter = samples.len() / 4;
    let highest = |samples: &[f64]| samples.iter().copied().fold(0.0, f64::max);
    let (early, late) = (
        highest(&samples[quarter..2 * quarter]),
        highest(&samples[3 * quarter..]),
    );
    vec![
        Figure {
            name: "projection catching up",
            measured: rate(ours),
            against: Some(rate(bare)),
            unit: "events/s",
            value: rate(ours) / rate(bare),
            wanted: Wanted::AtLeast(0.5),
            how: format!(
                "{last} events, from exec of `chancery service projection` on an empty database to the last position; against \
                 inserting the {rows} rows that it made into the same tables, {} rows a statement and a transaction",
                inserts::BATCH
            ),
        },
        Figure {
            name: "projection's memory, last quarter of the run",
            measured: late,
            against: Some(early),
            unit: "MiB",
            value: late / early,
            wanted: Wanted::AtMost(1.1),
            how: format!(
                "highest of {} samples of the resident memory, against the second quarter's",
                samples.len()
            ),
        },
    ]
}

/// Waits until the tables hold this event.
pub async fn until_caught_up(installation: &Installation, last: u64) {
    let query = QueryServiceClient::new(installation.channel("gateway", "projection"));
    wait::within(
        Duration::from_secs(600),
        "the projection has caught up",
        async || {
            let mut request = Request::new(ListRequest {
                page_size: 1,
                at_least: last,
                ..ListRequest::default()
            });
            request.set_timeout(Duration::from_secs(300));
            query.clone().list_events(request).await.ok()
        },
    )
    .await;
}

const EVENTS: usize = 100_000;
