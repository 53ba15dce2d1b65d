//! A long log read anew: the tables rebuilt beside those that are served, and as they were in the middle of it.

use std::time::{Duration, Instant};

use api::projection::v1::{
    AsOf, ListRequest, RebuildPhase, RebuildTablesRequest, as_of,
    query_service_client::QueryServiceClient, tables_service_client::TablesServiceClient,
};
use databases::Kind;
use tonic::Request;
use town::installation::Installation;

use crate::{
    catch_up,
    figure::{Figure, Wanted},
    inserts,
    memory::Sampling,
    seed,
};

/// Rates, memory, and how long one waits for the past.
pub async fn measure(kind: Kind) -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::on(kind, folder.path(), "");
    installation.event_log_alone().await;
    let started = Instant::now();
    let last = seed::clones(&mut installation, EVENTS.div_ceil(seed::EVENTS_EACH)).await;
    eprintln!(
        "  {last} events are in the log after {:.0} s",
        started.elapsed().as_secs_f64()
    );
    installation.start("projection");
    let started = Instant::now();
    catch_up::until_caught_up(&installation, last).await;
    eprintln!(
        "  they are in tables after {:.0} s",
        started.elapsed().as_secs_f64()
    );

    let query = QueryServiceClient::new(installation.channel("gateway", "projection"));
    let list = || ListRequest {
        as_of: Some(AsOf {
            moment: Some(as_of::Moment::Sequence(last / 2)),
        }),
        ..ListRequest::default()
    };
    let ask = async || {
        let started = Instant::now();
        let mut request = Request::new(list());
        request.set_timeout(Duration::from_secs(120));
        let listed = query.clone().list_certificates(request).await.unwrap();
        assert_eq!(listed.into_inner().certificates.len(), 50);
        started.elapsed()
    };
    let first = ask().await;
    let mut next = Vec::new();
    for _ in 0..200 {
        next.push(ask().await.as_secs_f64() * 1e3);
    }
    next.sort_by(f64::total_cmp);
    let p99 = next[next.len() * 99 / 100];

    let sampling = Sampling::of(installation.process("projection").id());
    let mut tables = TablesServiceClient::new(installation.channel("gateway", "projection"));
    let started = Instant::now();
    let steps = tables
        .rebuild_tables(RebuildTablesRequest {})
        .await
        .unwrap();
    let mut steps = steps.into_inner();
    let mut phase = RebuildPhase::Unspecified;
    while let Some(step) = steps.message().await.unwrap() {
        if step.phase() != phase {
            phase = step.phase();
            eprintln!(
                "  {} after {:.1} s",
                phase.as_str_name(),
                started.elapsed().as_secs_f64()
            );
        }
    }
    assert_eq!(phase, RebuildPhase::Served);
    let ours = started.elapsed();
    let highest = sampling.end().into_iter().fold(0.0, f64::max);
    installation.process("projection").stop("TERM").await;

    let (rows, bare) = inserts::again(&installation, folder.path(), 2).await;
    let rate = |duration: Duration| last as f64 / duration.as_secs_f64();
    vec![
        Figure {
            name: "rebuild of the tables",
            measured: rate(ours),
            against: Some(rate(bare)),
            unit: "events/s",
            value: rate(ours) / rate(bare),
            wanted: Wanted::AtLeast(0.6),
            how: format!(
                "{last} events, from RebuildTables until the new tables are served; against inserting the {rows} rows that it made into \
                 the same tables with their indices"
            ),
        },
        Figure {
            name: "projection's memory during it",
            measured: highest,
            against: None,
            unit: "MiB",
            value: highest,
            wanted: Wanted::AtMost(200.0),
            how: "highest resident memory".to_owned(),
        },
        Figure {
            name: "first answer as of the middle of the log",
            measured: first.as_secs_f64(),
            against: None,
            unit: "s",
            value: first.as_secs_f64(),
            wanted: Wanted::AtMost(15.0),
            how: format!("ListCertificates as of event {} of {last}", last / 2),
        },
        Figure {
            name: "p99 of the next ones",
            measured: p99,
            against: None,
            unit: "ms",
            value: p99,
            wanted: Wanted::AtMost(10.0),
            how: "the same, 200 times".to_owned(),
        },
    ]
}

const EVENTS: usize = 1_000_000;
