//! The main job: from the request to the handshake.

use api::projection::v1::{CertificateStatus, GetRequest, Source};
use town::{Plan, Town, edge, pebble, wait};

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_issued_and_served_by_its_name() {
    let town = Town::start().await;
    let factory = town.edge().leaf(Some("shop.example")).await.unwrap();
    town.register_ca().await;

    let automation = town.issue("shop.example").await;

    assert_eq!(automation.status(), CertificateStatus::Valid);
    assert_eq!(automation.dns_names, ["shop.example"]);
    let request = GetRequest {
        id: automation.certificate_id,
        at_least: 0,
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
    assert_eq!(certificate.friendly_name, "shop.example");
    assert_eq!(
        (certificate.source(), certificate.status()),
        (Source::Acme, CertificateStatus::Valid)
    );
    assert!(certificate.serve && !certificate.issuers.is_empty());
    let der = certificate.certificate.unwrap().der;
    served(&town, "shop.example", &der).await;

    // Everybody else still meets the factory certificate.
    assert_eq!(
        town.edge().leaf(Some("other.example")).await.unwrap(),
        factory
    );
    assert_eq!(town.edge().leaf(None).await.unwrap(), factory);
    assert_ne!(factory, der);
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_agrees() {
    let town = Town::start().await;
    town.register_ca().await;
    town.issue("shop.example").await;
    wait::until("the certificate is served", async || {
        let leaf = pki::Certificate::parse(&town.edge().leaf(Some("shop.example")).await?).unwrap();
        (!leaf.self_signed).then_some(())
    })
    .await;

    let root = town.ca.issuing_root().await;
    let Some(verdict) = town.edge().openssl_verdict("shop.example", &root) else {
        return eprintln!("there is no openssl here: its verdict was not asked for");
    };
    assert!(verdict.contains("Verification: OK"), "{verdict}");
    assert!(
        verdict.contains("Verified peername: shop.example"),
        "{verdict}"
    );
    let leaf = town.edge().leaf(Some("shop.example")).await.unwrap();
    let names = edge::openssl_x509(&leaf, &["-noout", "-ext", "subjectAltName"]).unwrap();
    assert!(names.contains("DNS:shop.example"), "{names}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_certificate_for_several_names_and_each_key_algorithm() {
    use api::x509::v1::KeyAlgorithm;
    let town = Town::start().await;
    town.register_ca().await;
    let mut acme = town.client().await.acme();
    for (name, algorithm, words) in [
        ("rsa.example", KeyAlgorithm::Rsa2048, "rsaEncryption"),
        ("p384.example", KeyAlgorithm::EcdsaP384, "secp384r1"),
    ] {
        let mut request = town::request_for(name);
        request.dns_names.push(format!("www.{name}"));
        request.key_algorithm = algorithm.into();
        let id = acme
            .request_certificate(request)
            .await
            .unwrap()
            .into_inner()
            .automation_id;
        town.until(&id, "certificate-issued").await;
        let www = format!("www.{name}");
        let leaf = wait::until("it is served by its second name", async || {
            let leaf = town.edge().leaf(Some(&www)).await?;
            (!pki::Certificate::parse(&leaf).unwrap().self_signed).then_some(leaf)
        })
        .await;
        if let Some(text) = edge::openssl_x509(&leaf, &["-noout", "-text"]) {
            assert!(
                text.contains(words) && text.contains(&format!("DNS:{name}, DNS:www.{name}")),
                "{text}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_that_refuses_every_third_nonce_is_borne() {
    let ca = pebble::Custom {
        nonce_reject: 33,
        ..pebble::Custom::default()
    };
    let town = Town::planned(Plan {
        ca,
        ..Plan::default()
    })
    .await;
    town.register_ca().await;
    for name in ["one.example", "two.example", "three.example"] {
        town.issue(name).await;
    }
    assert_eq!(town.ca.issued(), 3);
}

/// Waits until the handshake for a name shows this certificate.
pub async fn served(town: &Town, name: &str, der: &[u8]) {
    let what = format!("{name} is served");
    wait::until(&what, async || {
        let leaf = town.edge().leaf(Some(name)).await?;
        (leaf == der).then_some(())
    })
    .await;
}
