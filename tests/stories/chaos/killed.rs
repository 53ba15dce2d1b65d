//! R1: whatever is killed, no command is lost that somebody was told is done.

use std::time::Duration;

use town::{
    Town,
    chaos::{self, Dice},
    installation::SERVICES,
    load::Load,
};

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_command_is_lost_when_anything_is_killed() {
    let mut town = Town::with_services_apart().await;
    let token = town.installation.bootstrap_token();
    let load = Load::start(&[town.edge()], &token);
    load.until_next(LONGEST).await.expect("the load begins");
    let processes = [SERVICES.as_slice(), &["nats"]].concat();
    let kills = chaos::times(processes.len(), 200);
    let mut dice = Dice::new(1);
    let mut slowest = Duration::ZERO;
    for kill in 0..kills {
        // Each once, and then whichever.
        let victim = match processes.get(kill) {
            Some(victim) => *victim,
            None => processes[dice.below(processes.len())],
        };
        town.installation.process(victim).kill();
        match victim {
            "nats" => town.installation.start_nats(),
            service => town.installation.start(service),
        }
        let next = load.until_next(LONGEST).await;
        let next = next.unwrap_or_else(|| panic!("kill {kill}: nothing goes on without {victim}"));
        slowest = slowest.max(next);
    }
    let outcome = load.verify(&town.client().await).await;
    let found = format!("{kills} kills, {outcome:?}; the next done after {slowest:.1?} at most");
    chaos::figure("R1", found, outcome.is_whole());
}

const LONGEST: Duration = chaos::PATIENCE;
