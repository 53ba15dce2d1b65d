//! R29: PostgreSQL is killed and comes back, under load; nothing is lost, and all is well soon after.

use std::time::Duration;

use databases::Kind;
use town::{Plan, Town, chaos, load::Load};

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_restarts_under_load_and_nothing_is_lost() {
    let mut town = Town::planned(Plan {
        services_apart: true,
        databases: Some(Kind::Postgresql),
        ..Plan::default()
    })
    .await;
    let token = town.installation.bootstrap_token();
    let load = Load::start(&[town.edge()], &token);
    load.until_next(LONGEST).await.expect("the load begins");
    let (restarts, mut slowest) = (chaos::times(1, 20), Duration::ZERO);
    for _ in 0..restarts {
        town.installation.crash_postgresql();
        let next = load.until_next(LONGEST).await;
        slowest = slowest.max(next.expect("it goes on"));
    }
    let outcome = load.verify(&town.client().await).await;
    let whole = outcome.is_whole();
    let found = format!(
        "PostgreSQL killed and started {restarts} times, {outcome:?}; the next done after {slowest:.1?} at most"
    );
    chaos::figure(
        "R29",
        found,
        whole && chaos::in_time(slowest, Duration::from_secs(30)),
    );
}

const LONGEST: Duration = chaos::PATIENCE;
