//! Certificates that are signed with their own key.

use api::{
    csr::v1::{CreateSelfSignedRequest, CreateSelfSignedResponse},
    keystore::v1::{KeyChoice, key_choice},
    refuse,
    x509::v1::{KeyAlgorithm, SubjectAltNames},
};
use town::{Town, client::Client, wait};

/// Asks for a certificate of shop.example.
pub fn shop(days: u32) -> CreateSelfSignedRequest {
    CreateSelfSignedRequest {
        friendly_name: "shop".to_owned(),
        key: Some(KeyChoice {
            key: Some(key_choice::Key::NewKey(KeyAlgorithm::EcdsaP384.into())),
        }),
        subject: None,
        subject_alt_names: Some(SubjectAltNames {
            dns_names: vec!["shop.example".to_owned()],
            ip_addresses: vec![],
        }),
        days,
    }
}

async fn create(client: &Client, request: CreateSelfSignedRequest) -> CreateSelfSignedResponse {
    let created = client.csr().create_self_signed(request).await;
    created.expect("the certificate is made").into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_self_signed_certificate_lives_a_year_and_is_served_by_its_name() {
    let town = Town::start().await;
    let client = town.client().await.with_request_id("friday");
    let made = create(&client, shop(0)).await;
    let certificate = made.certificate.clone().unwrap();
    assert!(certificate.self_signed && !certificate.is_ca);
    let seconds = |at: &Option<pbjson_types::Timestamp>| at.as_ref().unwrap().seconds;
    let life = seconds(&certificate.not_after) - seconds(&certificate.not_before);
    assert_eq!(life / 86_400, 365);
    wait::until("it is served", async || {
        let leaf = town.edge().leaf(Some("shop.example")).await?;
        (leaf == certificate.der).then_some(())
    })
    .await;
    // A repeat finds it.
    assert_eq!(create(&client, shop(0)).await, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_self_signed_certificate_is_the_work_of_who_asked() {
    let town = Town::start().await;
    let client = town.client().await;
    let made = create(&client, shop(30)).await;
    let signed = town.until(&made.certificate_id, "self-signed").await;
    assert!(signed.actor.starts_with("token/"), "{}", signed.actor);
    let generated = town.until(&made.key_id, "generated").await;
    assert_eq!(generated.actor, signed.actor);
    // The keystore says no in its own words.
    let taken = client.csr().create_self_signed(shop(30)).await.unwrap_err();
    assert_eq!(refuse::reason(&taken).as_deref(), Some("NAME_TAKEN"));
}
