//! A CA that is overloaded, slow, or cut off: what it asks for is kept, and an order loses nothing.

use std::time::Duration;

use faults::Fault;
use town::{Plan, Town, pebble, wait};

fn troubled(configuration: &str) -> Plan {
    Plan {
        ca: pebble::Custom {
            behind_proxy: true,
            ..pebble::Custom::default()
        },
        configuration: configuration.to_owned(),
        ..Plan::default()
    }
}

fn answer(status: u16, retry_after: Option<&str>) -> Fault {
    Fault::Answer {
        status,
        retry_after: retry_after.map(str::to_owned),
        problem: r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"Service busy; retry later."}"#,
    }
}

/// The endpoints of an order, as Pebble names them.
const STEPS: [&str; 6] = [
    "/nonce-plz",
    "/order-plz",
    "/authZ/",
    "/chalZ/",
    "/finalize-order/",
    "/certZ/",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_ca_asks_for_is_kept_at_every_step_of_an_order() {
    let town = Town::planned(troubled("")).await;
    town.register_ca().await;
    let proxy = town.ca.proxy();
    for step in STEPS {
        proxy.fault(step, 1, answer(503, Some("1")));
    }
    let id = town.request("shop.example").await;
    town.until(&id, "certificate-issued").await;
    for step in STEPS {
        let asked = proxy.asked(step);
        let Some(refused) = asked.iter().position(|asked| asked.fault) else {
            // A nonce of an earlier answer was enough.
            assert_eq!(step, "/nonce-plz");
            continue;
        };
        let next = &asked[refused + 1];
        let waited = next.at - asked[refused].at;
        assert!(
            waited >= Duration::from_secs(1),
            "{step}: asked after {waited:?}"
        );
    }
    assert_eq!((town.ca.orders(), town.ca.issued()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_outlives_cut_connections_and_slow_answers() {
    let town = Town::planned(troubled("")).await;
    town.register_ca().await;
    let proxy = town.ca.proxy();
    for step in STEPS {
        proxy.fault(step, 1, Fault::Cut);
        proxy.fault(step, 1, Fault::CutAnswer);
        proxy.fault(step, 1, Fault::Slow(Duration::from_secs(1)));
    }
    let id = town.request("shop.example").await;
    town.until(&id, "certificate-issued").await;
    // The answer to the first newOrder was cut: that order is the one orphan.
    assert!(town.ca.orders() <= 2, "{} orders", town.ca.orders());
    assert_eq!(town.ca.issued(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_fails_with_the_ca_s_time_and_the_others_wait_for_it() {
    let town = Town::planned(troubled("[acme_agent]\npatience_seconds = 1")).await;
    town.register_ca().await;
    let proxy = town.ca.proxy();
    proxy.fault("/order-plz", 1, answer(429, Some("10")));
    let first = town.request("shop.example").await;
    let failed = wait::until("the order fails", async || {
        let failed = format!("aggregate_id={first} event=issuance-failed");
        town.events(&failed).await.pop()
    })
    .await;
    let body = failed.body.unwrap();
    assert!(body.fields.contains_key("retryAt"), "{body:?}");

    let second = town.request("other.example").await;
    town.until(&second, "certificate-issued").await;
    let tally = town.tally(&format!("aggregate_id={second}")).await;
    assert!(
        tally.iter().all(|(event, _)| !event.ends_with("-failed")),
        "{tally:?}"
    );
    let asked = proxy.asked("/order-plz");
    let waited = asked[1].at - asked[0].at;
    assert!(waited >= Duration::from_secs(10), "asked after {waited:?}");
}
