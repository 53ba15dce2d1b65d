//! An order goes on after a crash, and is never placed twice.

use api::acme::v1::RenewNowRequest;
use town::Town;

use crate::issue::served;

#[tokio::test(flavor = "multi_thread")]
async fn acme_agent_is_killed_after_order_placed_and_the_same_order_finishes() {
    let mut town = Town::with_services_apart().await;
    town.register_ca().await;
    // The name does not resolve for now: between order-placed and certificate-issued there is time to die.
    town.ca.hold_validation();
    let id = town.request("shop.example").await;
    let placed = town.until(&id, "order-placed").await;

    town.installation.process("acme-agent").kill();
    town.ca.resume_validation();
    town.installation.start("acme-agent");

    let issued = town.until(&id, "certificate-issued").await;
    let automation = town.automation(&id, issued.sequence).await;
    let url = placed.body.unwrap().fields["orderUrl"].clone();
    assert_eq!(url, automation.order_url.clone().into());
    assert_eq!(
        (town.ca.orders(), town.ca.issued()),
        (1, 1),
        "by the CA's own count"
    );
    // The CA has said when to renew.
    town.until(&id, "renewal-scheduled").await;
    let tally = town.tally(&format!("aggregate_id={id}")).await;
    assert_eq!(
        tally,
        [
            ("requested", 1),
            ("order-intended", 1),
            ("order-placed", 1),
            ("finalize-intended", 1),
            ("certificate-issued", 1),
            ("renewal-scheduled", 1)
        ]
        .map(|(name, count)| (name.to_owned(), count))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_killed_after_order_placed_and_the_same_order_finishes() {
    let mut town = Town::start().await;
    town.register_ca().await;
    town.ca.hold_validation();
    let id = town.request("shop.example").await;
    town.until(&id, "order-placed").await;

    town.installation.process("up").kill();
    // Only now is somebody there again to answer the challenge.
    town.installation.up().await;
    town.ca.resume_validation();

    town.until(&id, "certificate-issued").await;
    assert_eq!(
        (town.ca.orders(), town.ca.issued()),
        (1, 1),
        "by the CA's own count"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_each_step_of_an_order_leaves_one_certificate() {
    let mut town = Town::with_services_apart().await;
    town.register_ca().await;
    let id = town.issue("shop.example").await.id;
    // Each round kills the agent after another event of a renewal.
    for step in [
        "renewal-started",
        "order-intended",
        "order-placed",
        "finalize-intended",
    ] {
        let (orders, issued) = (town.ca.orders(), town.ca.issued());
        let renewals = town
            .events(&format!("aggregate_id={id} event=renewed"))
            .await
            .len();
        let request = RenewNowRequest {
            automation_id: id.clone(),
        };
        let position = town
            .client()
            .await
            .acme()
            .renew_now(request)
            .await
            .unwrap()
            .into_inner()
            .position;
        town.until_past(&id, step, position - 1).await;
        town.installation.process("acme-agent").kill();
        town.installation.start("acme-agent");

        town.until_past(&id, "renewed", position).await;
        assert_eq!(town.ca.issued() - issued, 1, "killed after {step}");
        // A crash inside the CA's newOrder may leave one orphan there, which is never finalized.
        assert!(town.ca.orders() - orders <= 2, "killed after {step}");
        let renewed = town
            .events(&format!("aggregate_id={id} event=renewed"))
            .await;
        assert_eq!(renewed.len(), renewals + 1, "killed after {step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_served_is_served_while_the_other_services_are_away() {
    let mut town = Town::with_services_apart().await;
    town.register_ca().await;
    let automation = town.issue("shop.example").await;
    let request = api::projection::v1::GetRequest {
        id: automation.certificate_id,
        at_least: 0,
        ..api::projection::v1::GetRequest::default()
    };
    let certificate = town
        .client()
        .await
        .query()
        .get_certificate(request)
        .await
        .unwrap()
        .into_inner();
    let der = certificate.certificate.unwrap().der;
    served(&town, "shop.example", &der).await;

    for service in [
        "keystore",
        "csr-service",
        "acme-agent",
        "notifier",
        "projection",
        "nats",
    ] {
        town.installation.process(service).kill();
    }
    assert_eq!(town.edge().leaf(Some("shop.example")).await.unwrap(), der);
}
