//! TLS-ALPN-01: a CA asks at the https port, and nobody else notices.

use std::{net::IpAddr, sync::Arc};

use api::acme::v1::{ChallengeType, RequestCertificateRequest};
use rustls::pki_types::ServerName;
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tokio_rustls::TlsConnector;
use town::{Town, edge};

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_an_address_are_proved_at_the_https_port() {
    let town = Town::start().await;
    town.register_ca().await;
    let request = RequestCertificateRequest {
        challenge_type: ChallengeType::TlsAlpn01.into(),
        ip_addresses: vec!["127.0.0.1".to_owned()],
        ..town::request_for("shop.example")
    };
    let mut acme = town.client().await.acme();
    let requested = acme.request_certificate(request).await.unwrap();
    let id = requested.into_inner().automation_id;

    let issued = town.until(&id, "certificate-issued").await;

    let automation = town.automation(&id, issued.sequence).await;
    let leaf = certificate(&town, &automation.certificate_id).await;
    assert_eq!(leaf.dns_names, ["shop.example"]);
    assert_eq!(leaf.ip_addresses, [IpAddr::from([127, 0, 0, 1])]);

    // The proof is there for an hour, for whoever asks as the CA did: with that protocol alone.
    let mut proof = handshake(&town, "shop.example", &[b"acme-tls/1"])
        .await
        .unwrap();
    let shown = edge::leaf_of(&proof);
    let holds = |what: &[u8]| shown.windows(what.len()).any(|w| w == what);
    // acmeIdentifier, critical.
    assert!(holds(&[6, 8, 0x2b, 6, 1, 5, 5, 7, 1, 31, 1, 1, 0xff]));
    assert_eq!(proof.get_ref().1.alpn_protocol(), Some(&b"acme-tls/1"[..]));
    // And then the connection ends, without a word of HTTP.
    assert_eq!(proof.read_to_end(&mut Vec::new()).await.unwrap(), 0);

    let both = handshake(&town, "shop.example", &[b"acme-tls/1", b"http/1.1"]).await;
    let both = both.unwrap();
    assert_eq!(both.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert_ne!(edge::leaf_of(&both), shown);
    // Of a name that nobody proves, there is nothing to show.
    for name in ["other.example", "localhost"] {
        assert!(handshake(&town, name, &[b"acme-tls/1"]).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_alone_is_proved_by_http_01() {
    let town = Town::start().await;
    town.register_ca().await;
    let request = RequestCertificateRequest {
        dns_names: vec![],
        ip_addresses: vec!["127.0.0.1".to_owned()],
        ..town::request_for("")
    };
    let mut acme = town.client().await.acme();
    let requested = acme.request_certificate(request).await.unwrap();
    let id = requested.into_inner().automation_id;

    let issued = town.until(&id, "certificate-issued").await;

    let automation = town.automation(&id, issued.sequence).await;
    assert_eq!(automation.friendly_name, "127.0.0.1");
    let leaf = certificate(&town, &automation.certificate_id).await;
    assert_eq!(leaf.ip_addresses, [IpAddr::from([127, 0, 0, 1])]);
}

/// The newest version of a certificate.
pub async fn certificate(town: &Town, id: &str) -> pki::Certificate {
    let request = api::projection::v1::GetRequest {
        id: id.to_owned(),
        at_least: 0,
        ..api::projection::v1::GetRequest::default()
    };
    let mut queries = town.client().await.query();
    let row = queries.get_certificate(request).await.unwrap().into_inner();
    pki::Certificate::parse(&row.certificate.unwrap().der).unwrap()
}

async fn handshake(
    town: &Town,
    name: &str,
    protocols: &[&[u8]],
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut config = edge::trusting_anybody().with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    let tcp = TcpStream::connect(town.edge().https).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
}
