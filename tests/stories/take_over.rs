//! Two agents: who does not come back in time loses his order, and only one certificate comes of it.

use town::{Plan, Town, wait};

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_was_killed_is_followed_by_the_second_with_the_same_order() {
    let (mut town, id) = the_second_agent_has_taken_over("KILL").await;
    town.installation.process("keystore").signal("CONT");
    town.until(&id, "certificate-issued").await;
    one_order_came_to_one_certificate(&town, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_comes_back_too_late_does_not_finalize() {
    let (mut town, id) = the_second_agent_has_taken_over("STOP").await;
    // Both want to go on now, and the first does not know that it has been followed.
    town.installation.process("acme-agent").signal("CONT");
    town.installation.process("keystore").signal("CONT");
    town.until(&id, "certificate-issued").await;
    one_order_came_to_one_certificate(&town, &id).await;
    // The first is well again: it takes the request.
    town.issue("other.example").await;
    assert_eq!((town.ca.orders(), town.ca.issued()), (3, 3));
}

/// A town whose first agent met this signal after it had placed an order, so that the second holds the
/// order now. The keystore is stopped: nobody can finalize for want of a key.
async fn the_second_agent_has_taken_over(signal: &str) -> (Town, String) {
    let mut town = Town::planned(Plan {
        services_apart: true,
        configuration: "[acme_agent]\nlease_seconds = 3".to_owned(),
        ..Plan::default()
    })
    .await;
    town.register_ca().await;
    // With this the first agent has its account open, and needs the keystore for the key alone.
    town.issue("first.example").await;
    town.installation.process("keystore").signal("STOP");
    let id = town.request("shop.example").await;
    town.until(&id, "order-placed").await;
    town.installation.process("acme-agent").signal(signal);
    town.installation.start_acme_agent("second");
    wait::until("the second agent holds the order", async || {
        (holder(&town, &id).await == "second").then_some(())
    })
    .await;
    (town, id)
}

/// Who works on the order of an automation, by the log.
async fn holder(town: &Town, id: &str) -> String {
    let filter = format!("aggregate_id={id} event=order-intended");
    let intended = town.events(&filter).await.pop().expect("an intent");
    let body = intended.body.expect("a body");
    let holder = body.fields["holder"].kind.clone();
    match holder {
        Some(pbjson_types::value::Kind::StringValue(holder)) => holder,
        other => panic!("no holder: {other:?}"),
    }
}

async fn one_order_came_to_one_certificate(town: &Town, id: &str) {
    assert_eq!(
        (town.ca.orders(), town.ca.issued()),
        (2, 2),
        "with the first name's, by the CA's own count"
    );
    let tally = town.tally(&format!("aggregate_id={id}")).await;
    for event in ["order-placed", "finalize-intended", "certificate-issued"] {
        let once = (event.to_owned(), 1);
        assert!(tally.contains(&once), "{event}: {tally:?}");
    }
}
