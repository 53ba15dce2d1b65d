//! Automations that are paused, resumed and cancelled, at the command line.

use town::{Town, desk::Desk};

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_of_a_cancelled_automation_stays_until_it_is_deleted() {
    let town = Town::start().await;
    town.register_ca().await;
    let automation = town.issue("shop.example").await;
    let desk = Desk::of(&town).await;
    let managed = desk
        .refused(1, "chancery certs delete shop.example --yes")
        .await;
    assert!(managed.contains("MANAGED"), "{managed}");

    desk.done("chancery acme pause shop.example --reason 'the host moves'")
        .await;
    let twice = desk.refused(1, "chancery acme pause shop.example").await;
    assert!(twice.contains("ALREADY_PAUSED"), "{twice}");
    // What is paused is still renewed by hand.
    desk.done("chancery acme retry shop.example").await;
    desk.done("chancery acme resume shop.example").await;
    let twice = desk.refused(1, "chancery acme resume shop.example").await;
    assert!(twice.contains("NOT_PAUSED"), "{twice}");

    desk.done("chancery acme cancel shop.example").await;
    for command in ["retry", "pause", "resume", "cancel"] {
        let command = format!("chancery acme {command} {}", automation.id);
        let over = desk.refused(1, &command).await;
        assert!(over.contains("CANCELLED"), "{command}: {over}");
    }
    town.until(&automation.certificate_id, "released").await;
    desk.done("chancery certs delete shop.example --yes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_cancelled_brings_no_certificate() {
    let town = Town::start().await;
    town.register_ca().await;
    let desk = Desk::of(&town).await;
    // While the name is not validated, the order cannot end.
    town.ca.hold_validation();
    let asked = "chancery acme request shop.example --server pebble --no-wait";
    let asked = desk.json(asked).await;
    let id = asked["automationId"].as_str().unwrap();
    town.until(id, "order-placed").await;
    desk.done(&format!("chancery acme cancel {id}")).await;
    town.ca.resume_validation();
    // Its name is free: another automation has it, and a certificate under it.
    let certificate = town.issue("shop.example").await;
    assert_ne!(certificate.id, id);
    let tally = town.tally(&format!("aggregate_id={id}")).await;
    let names = tally.iter().map(|(name, _)| name.as_str());
    assert!(names.clone().any(|name| name == "cancelled"));
    assert!(!names.clone().any(|name| name == "certificate-issued"));
}
