//! A certificate is revoked at its CA, and another takes its place.

use api::{
    acme::v1::RevokeCertificateRequest, projection::v1::GetRequest, x509::v1::RevocationReason,
};
use town::{Plan, Town, pebble};

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_replaced_by_one_with_another_key() {
    let town = Town::start().await;
    town.register_ca().await;
    town.sign_in().await;
    let shop = town.issue("shop.example").await;
    let first = certificate(&town, &shop.certificate_id, 0).await;
    assert_eq!(town.ca.status_of(&first.serial_number).await, "Valid");

    let words = [
        "certs",
        "revoke",
        "shop.example",
        "--reason",
        "key-compromise",
    ];
    let ended = town.command(&words).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(town.ca.status_of(&first.serial_number).await, "Revoked");
    town.until(&shop.certificate_id, "revoked").await;
    let renewed = town.until(&shop.id, "renewed").await;
    let second = certificate(&town, &shop.certificate_id, renewed.sequence).await;
    assert_ne!(second.spki_sha256, first.spki_sha256);
    assert_eq!(town.ca.status_of(&second.serial_number).await, "Valid");

    // The first version again: it is revoked already.
    let ended = town
        .command(&[&words[..], &["--version", "1"]].concat())
        .await;
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("revoked already"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_while_the_ca_is_told_leaves_one_revocation() {
    let plan = Plan {
        services_apart: true,
        ca: pebble::Custom {
            behind_proxy: true,
            ..pebble::Custom::default()
        },
        ..Plan::default()
    };
    let mut town = Town::planned(plan).await;
    town.register_ca().await;
    let shop = town.issue("shop.example").await;
    let first = certificate(&town, &shop.certificate_id, 0).await;
    // The CA does it, and its answer is lost; then who waits for it dies.
    let revoke = "/revoke-cert";
    town.ca.proxy().fault(revoke, 1, faults::Fault::CutAnswer);
    let request = RevokeCertificateRequest {
        automation_id: shop.id.clone(),
        version: 0,
        reason: RevocationReason::Superseded.into(),
    };
    let revoked = town.client().await.acme().revoke_certificate(request).await;
    revoked.unwrap();
    town.until(&shop.id, "revocation-intended").await;
    town.installation.process("acme-agent").kill();
    town.installation.start("acme-agent");

    town.until(&shop.id, "revoked").await;
    town.until(&shop.id, "renewed").await;
    assert_eq!(town.ca.status_of(&first.serial_number).await, "Revoked");
    let tally = town.tally(&format!("aggregate_id={}", shop.id)).await;
    for event in ["revocation-intended", "revoked", "renewed"] {
        let once = (event.to_owned(), 1);
        assert!(tally.contains(&once), "{event}: {tally:?}");
    }
    let marked = town
        .tally(&format!("aggregate_id={}", shop.certificate_id))
        .await;
    assert!(marked.contains(&("revoked".to_owned(), 1)), "{marked:?}");
}

async fn certificate(town: &Town, id: &str, at_least: u64) -> api::x509::v1::Certificate {
    let request = GetRequest {
        id: id.to_owned(),
        at_least,
        ..GetRequest::default()
    };
    let answer = town.client().await.query().get_certificate(request).await;
    answer.unwrap().into_inner().certificate.unwrap()
}
