//! R9: the broker is paused, and goes on; nothing is lost, and nothing done twice.

use std::time::Duration;

use town::{Town, chaos, load::Load};

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_was_paused_goes_on_with_everything() {
    let mut town = Town::with_services_apart().await;
    let token = town.installation.bootstrap_token();
    let load = Load::start(&[town.edge()], &token);
    load.until_next(chaos::PATIENCE)
        .await
        .expect("the load begins");
    let pauses = [5, 30, 120];
    let pauses = &pauses[..chaos::times(1, pauses.len())];
    let mut slowest = Duration::ZERO;
    for &pause in pauses {
        let nats = town.installation.process("nats");
        nats.signal("STOP");
        tokio::time::sleep(Duration::from_secs(pause)).await;
        nats.signal("CONT");
        let next = load.until_next(chaos::PATIENCE).await.expect("it goes on");
        slowest = slowest.max(next);
    }
    let outcome = load.verify(&town.client().await).await;
    let whole = outcome.is_whole();
    let found =
        format!("paused for {pauses:?} s, {outcome:?}; the next done after {slowest:.1?} at most");
    chaos::figure(
        "R9",
        found,
        whole && chaos::in_time(slowest, Duration::from_secs(10)),
    );
}
