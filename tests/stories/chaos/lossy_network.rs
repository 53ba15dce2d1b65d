//! R29: a network that drops three packets of ten, and cuts connections; nothing is lost, and all is well soon after.

use std::{process::Command, time::Duration};

use town::{Town, chaos, installation::SERVICES, load::Load};

/// Rules for packets to ports of this machine's own; they are gone when it is dropped.
struct Rules(Vec<String>);

impl Rules {
    fn set(ports: &[u16], verdict: &str) -> Self {
        let rules = ports
            .iter()
            .map(|port| format!("INPUT -i lo -p tcp --dport {port} {verdict}"));
        let this = Self(rules.collect());
        for rule in &this.0 {
            assert!(iptables(&format!("-I {rule}")), "iptables takes {rule}");
        }
        this
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        for rule in &self.0 {
            iptables(&format!("-D {rule}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lossy_network_loses_nothing() {
    if !chaos::may_break("a lossy network", "iptables -L INPUT") {
        return;
    }
    let town = Town::with_services_apart().await;
    let inside = SERVICES.iter().filter(|service| **service != "gateway");
    let mut ports = inside
        .map(|service| town.installation.peer(service).port())
        .collect::<Vec<_>>();
    ports.push(town.installation.nats_port());
    let token = town.installation.bootstrap_token();
    let load = Load::start(&[town.edge()], &token);
    load.until_next(chaos::PATIENCE)
        .await
        .expect("the load begins");
    let (rounds, mut slowest) = (chaos::times(1, 10), Duration::ZERO);
    let broken_for = Duration::from_secs(chaos::times(3, 10) as u64);
    for _ in 0..rounds {
        for verdict in [
            "-m statistic --mode random --probability 0.3 -j DROP",
            "-j REJECT --reject-with tcp-reset",
        ] {
            let broken = Rules::set(&ports, verdict);
            tokio::time::sleep(broken_for).await;
            drop(broken);
            let next = load
                .until_next(Duration::from_secs(120))
                .await
                .expect("it goes on");
            slowest = slowest.max(next);
        }
    }
    let outcome = load.verify(&town.client().await).await;
    let whole = outcome.is_whole();
    let found = format!(
        "{rounds} times {broken_for:?} of 30 % of packets dropped and as long of resets between all services and NATS, {outcome:?}; \
         the next done after {slowest:.1?} at most"
    );
    chaos::figure(
        "R29",
        found,
        whole && chaos::in_time(slowest, Duration::from_secs(30)),
    );
}

fn iptables(arguments: &str) -> bool {
    let ran = Command::new("iptables")
        .args(arguments.split_whitespace())
        .status();
    ran.is_ok_and(|status| status.success())
}
