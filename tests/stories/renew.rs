//! A renewed certificate is a new version of the same one.

use api::{
    acme::v1::RenewNowRequest,
    projection::v1::{CertificateStatus, GetRequest},
};
use town::Town;

use crate::issue::served;

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_answers_the_next_handshake() {
    let town = Town::start().await;
    town.register_ca().await;
    let first = town.issue("shop.example").await;
    let first_leaf = certificate(&town, &first.certificate_id, 0).await;
    served(&town, "shop.example", &first_leaf).await;
    let open_all_along = town.edge().handshake(Some("shop.example")).await.unwrap();

    let request = RenewNowRequest {
        automation_id: first.id.clone(),
    };
    town.client().await.acme().renew_now(request).await.unwrap();
    let renewed = town.until(&first.id, "renewed").await;

    let second = town.automation(&first.id, renewed.sequence).await;
    assert_eq!(second.status(), CertificateStatus::Valid);
    assert_eq!(
        second.certificate_id, first.certificate_id,
        "the same certificate"
    );
    assert_eq!(
        (first.certificate_version, second.certificate_version),
        (1, 2)
    );
    let second_leaf = certificate(&town, &second.certificate_id, renewed.sequence).await;
    assert_ne!(first_leaf, second_leaf);
    served(&town, "shop.example", &second_leaf).await;
    // Who was connected stays connected.
    assert_eq!(town::edge::leaf_of(&open_all_along), first_leaf);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_renew_at_once_make_one_renewal() {
    let town = Town::start().await;
    town.register_ca().await;
    let automation = town.issue("shop.example").await;
    let orders_before = town.ca.orders();

    let client = town.client().await;
    let ask = async || {
        let request = RenewNowRequest {
            automation_id: automation.id.clone(),
        };
        client.acme().renew_now(request).await
    };
    // While the name is not validated, the first renewal cannot have ended when the second is asked for.
    town.ca.hold_validation();
    let answers = tokio::join!(ask(), ask(), ask(), ask());
    town.ca.resume_validation();
    let answers = [answers.0, answers.1, answers.2, answers.3];
    assert_eq!(
        answers.iter().filter(|a| a.is_ok()).count(),
        1,
        "{answers:?}"
    );

    town.until(&automation.id, "renewed").await;
    let tally = town.tally(&format!("aggregate_id={}", automation.id)).await;
    let count = |event: &str| {
        tally
            .iter()
            .find(|(name, _)| name == event)
            .map_or(0, |(_, count)| *count)
    };
    assert_eq!(
        (count("renewal-started"), count("renewed")),
        (1, 1),
        "{tally:?}"
    );
    assert_eq!(town.ca.orders() - orders_before, 1);
}

async fn certificate(town: &Town, id: &str, at_least: u64) -> bytes::Bytes {
    let request = GetRequest {
        id: id.to_owned(),
        at_least,
        ..GetRequest::default()
    };
    let certificate = town
        .client()
        .await
        .query()
        .get_certificate(request)
        .await
        .unwrap()
        .into_inner();
    certificate.certificate.unwrap().der
}
