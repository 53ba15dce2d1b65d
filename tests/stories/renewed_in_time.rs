//! Certificates are renewed in time at a CA that is away half of the time.

use std::{collections::HashMap, time::Duration};

use api::{convert, projection::v1::Event};
use futures_util::{StreamExt, stream};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::{Instant, sleep};
use town::{Plan, Town, pebble, request_for};

/// Each certificate is renewed twice at the least.
const ROUNDS: u32 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn no_certificate_expires_while_the_ca_is_down_half_of_the_time() {
    // As many as are renewed again and again beside all other tests.
    renewed_in_time(20, 60).await;
}

/// The promise in its full size: `cargo nextest run -p tests --run-ignored only -E 'test(a_hundred_certificates)'`
#[ignore = "it takes three minutes, and most of a machine"]
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_certificates_are_renewed_in_time() {
    renewed_in_time(100, 120).await;
}

/// So many certificates of so many seconds, at a CA that is down for the first half of every third of a life.
async fn renewed_in_time(certificates: usize, life: u64) {
    let round = Duration::from_secs(life) / 3;
    let plan = Plan {
        ca: pebble::Custom {
            life_seconds: Some(life),
            ..pebble::Custom::default()
        },
        ..Plan::default()
    };
    let town = Town::planned(plan).await;
    town.register_ca().await;
    let client = town.client().await;
    stream::iter(0..certificates)
        .for_each_concurrent(8, async |n| {
            let request = request_for(&format!("shop-{n}.example"));
            client.acme().request_certificate(request).await.unwrap();
        })
        .await;

    for _ in 0..ROUNDS {
        let begun = Instant::now();
        town.ca.pause();
        sleep(round / 2).await;
        town.ca.resume();
        tokio::time::sleep_until(begun + round).await;
    }

    let mut good_until = HashMap::<String, OffsetDateTime>::new();
    let mut renewals = 0;
    let mut last = None;
    for event in town.events("aggregate=automation").await {
        let Some(not_after) = not_after(&event) else {
            continue;
        };
        let at = event.time.as_ref().and_then(convert::time).unwrap();
        last = last.max(Some(at));
        if let Some(before) = good_until.insert(event.aggregate_id.clone(), not_after) {
            renewals += 1;
            assert!(
                at < before,
                "{} expired at {before} and was renewed at {at}",
                event.aggregate_id
            );
        }
    }
    assert_eq!(good_until.len(), certificates);
    assert!(renewals >= certificates, "{renewals} renewals");
    // None was left behind.
    let last = last.unwrap();
    for (id, not_after) in good_until {
        assert!(last < not_after, "{id} expired at {not_after}");
    }
}

/// When a certificate expires that an event brought.
fn not_after(event: &Event) -> Option<OffsetDateTime> {
    if !["certificate-issued", "renewed"].contains(&event.event.as_str()) {
        return None;
    }
    let body = serde_json::to_value(event.body.as_ref()?).unwrap();
    let not_after = body["notAfter"].as_str().unwrap();
    Some(OffsetDateTime::parse(not_after, &Rfc3339).unwrap())
}
