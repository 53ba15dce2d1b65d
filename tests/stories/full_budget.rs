//! A CA's rate limits are kept by us: what has no room waits, and nothing is refused.

use town::{Plan, Town, request_for, wait};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_room_waits_while_others_go_on() {
    let plan = Plan {
        services_apart: true,
        configuration:
            "[acme_agent.limits]\nhosts = [\"localhost\"]\ncertificates_per_domain_in_a_week = 1"
                .to_owned(),
        ..Plan::default()
    };
    let mut town = Town::planned(plan).await;
    town.register_ca().await;
    town.issue("one.shop.example").await;
    let waits = town.request("two.shop.example").await;
    town.until(&waits, "order-intended").await;
    town.issue("one.other.example").await;
    // Nor does a restart forget what was used.
    town.installation.process("acme-agent").kill();
    town.installation.start("acme-agent");
    let third = wait::until("the agent answers again", async || {
        let mut acme = town.client().await.acme();
        let requested = acme.request_certificate(request_for("one.third.example"));
        Some(requested.await.ok()?.into_inner().automation_id)
    });
    town.until(&third.await, "certificate-issued").await;

    let tally = town.tally(&format!("aggregate_id={waits}")).await;
    assert_eq!(
        tally,
        [("requested", 1), ("order-intended", 1)].map(|(name, count)| (name.to_owned(), count))
    );
    assert_eq!((town.ca.orders(), town.ca.issued()), (3, 3));
}
