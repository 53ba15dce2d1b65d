//! Real handshakes against the index.

use std::time::Duration;

use api::keystore::v1::ServingCredential;
use runtime::Clock;
use rustls::{
    HandshakeKind, SupportedProtocolVersion, crypto::SupportedKxGroup, pki_types::CertificateDer,
    server::Acceptor,
};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{LazyConfigAcceptor, client::TlsStream};

use super::*;
use crate::{
    fixture::{Ca, anything, client, handshake, leaf, shown},
    serving,
};

fn index_of<'a>(credentials: impl IntoIterator<Item = &'a ServingCredential>) -> Arc<ServingIndex> {
    let index = Arc::new(ServingIndex::new(Clock::system()));
    index.replace(credentials.into_iter().map(credential));
    index
}

fn edge(index: &Arc<ServingIndex>) -> Arc<Edge> {
    Edge::new(Policy::Intermediate, index.clone())
        .unwrap()
        .into()
}

fn credential(sent: &ServingCredential) -> Credential {
    serving::credential(sent.clone(), &Issuers::default()).unwrap()
}

fn fallback(mut sent: ServingCredential) -> ServingCredential {
    sent.fallback = true;
    sent
}

/// Makes a handshake, and reads what the server sends after it: with TLS 1.3, tickets would come now.
async fn connect(
    edge: Arc<Edge>,
    config: rustls::ClientConfig,
    name: Option<&str>,
) -> std::io::Result<TlsStream<tokio::io::DuplexStream>> {
    let (near, far) = tokio::io::duplex(64 << 10);
    tokio::spawn(async move {
        let begun = LazyConfigAcceptor::new(Acceptor::default(), far).await?;
        let (_, config) = edge.answering(&begun.client_hello());
        let mut stream = begun.into_stream(config).await?;
        stream.write_all(b"!").await?;
        stream.flush().await?;
        // Until the client goes.
        stream.read_to_end(&mut Vec::new()).await
    });
    let mut stream = handshake(config, near, name).await?;
    stream.read_u8().await?;
    Ok(stream)
}

async fn answer(index: &Arc<ServingIndex>, name: Option<&str>) -> Option<CertificateDer<'static>> {
    connect(edge(index), client(), name)
        .await
        .ok()
        .map(|stream| shown(&stream))
}

#[tokio::test]
async fn the_exact_name_then_the_wildcard_then_the_fallback() {
    let ca = Ca::new("CA");
    let exact = ca.credential("exact", 1, &["shop.example", "www.shop.example"]);
    let wild = ca.credential("wild", 2, &["*.shop.example"]);
    let rest = fallback(ca.credential("rest", 3, &["machine.local"]));
    let index = index_of([&exact, &wild, &rest]);
    for (name, expected) in [
        (Some("shop.example"), &exact),
        (Some("SHOP.Example"), &exact),
        (Some("www.shop.example"), &exact),
        (Some("api.shop.example"), &wild),
        (Some("a.b.shop.example"), &rest),
        (Some("example"), &rest),
        (Some("unknown.example"), &rest),
        (Some("machine.local"), &rest),
        (None, &rest),
    ] {
        assert_eq!(answer(&index, name).await, Some(leaf(expected)), "{name:?}");
    }
}

#[tokio::test]
async fn of_several_for_one_name_a_valid_one_answers_then_the_higher_rank_then_the_later() {
    let ca = Ca::new("CA");
    let names = ["shop.example"];
    let of_rank = |id, position, rank| ServingCredential {
        rank,
        ..ca.credential(id, position, &names)
    };
    let automated = of_rank("automated", 1, 3);
    let imported = of_rank("imported", 2, 2);
    let later = of_rank("later", 3, 2);
    let self_signed = of_rank("self-signed", 4, 1);
    let long_gone = ServingCredential {
        not_after: Some(Default::default()),
        ..of_rank("expired", 5, 3)
    };
    let index = index_of([&automated, &imported, &later, &self_signed, &long_gone]);
    let name = Some("shop.example");
    for expected in [&automated, &later, &imported, &self_signed, &long_gone] {
        assert_eq!(answer(&index, name).await, Some(leaf(expected)));
        index.remove(&expected.certificate_id);
    }
}

#[tokio::test]
async fn without_a_fallback_an_unknown_name_gets_no_handshake() {
    let ca = Ca::new("CA");
    let index = index_of([&ca.credential("a", 1, &["shop.example"])]);
    assert_eq!(answer(&index, Some("unknown.example")).await, None);
    assert_eq!(answer(&index, None).await, None);
}

#[tokio::test]
async fn of_two_for_one_name_the_later_answers_and_its_removal_brings_the_earlier_back() {
    let ca = Ca::new("CA");
    let earlier = ca.credential("earlier", 10, &["shop.example"]);
    let later = ca.credential("later", 20, &["shop.example"]);
    // The order in which they come does not count.
    for order in [[&earlier, &later], [&later, &earlier]] {
        let index = index_of(order);
        assert_eq!(
            answer(&index, Some("shop.example")).await,
            Some(leaf(&later))
        );
        index.remove("later");
        assert_eq!(
            answer(&index, Some("shop.example")).await,
            Some(leaf(&earlier))
        );
        index.remove("earlier");
        assert_eq!(answer(&index, Some("shop.example")).await, None);
        assert_eq!(index.count(), 0);
    }
}

#[tokio::test]
async fn a_renewed_certificate_answers_the_next_handshake_and_its_old_names_go() {
    let ca = Ca::new("CA");
    let first = ca.credential("shop", 1, &["shop.example", "old.example"]);
    let rest = fallback(ca.credential("rest", 2, &["machine.local"]));
    let index = index_of([&first, &rest]);
    let renewed = ca.credential("shop", 3, &["shop.example", "new.example"]);
    index.put(credential(&renewed));
    assert_eq!(
        answer(&index, Some("shop.example")).await,
        Some(leaf(&renewed))
    );
    assert_eq!(
        answer(&index, Some("new.example")).await,
        Some(leaf(&renewed))
    );
    assert_eq!(answer(&index, Some("old.example")).await, Some(leaf(&rest)));
    assert_eq!(index.count(), 2);
}

#[tokio::test]
async fn a_snapshot_replaces_everything() {
    let ca = Ca::new("CA");
    let (gone, stays) = (
        ca.credential("gone", 1, &["gone.example"]),
        ca.credential("stays", 2, &["stays.example"]),
    );
    let index = index_of([&gone, &stays]);
    index.replace([credential(&stays)]);
    assert_eq!(answer(&index, Some("gone.example")).await, None);
    assert_eq!(
        answer(&index, Some("stays.example")).await,
        Some(leaf(&stays))
    );
}

#[tokio::test]
async fn another_fallback_takes_over_and_gives_back() {
    let ca = Ca::new("CA");
    let factory = fallback(ca.credential("factory", 1, &["machine.local"]));
    let chosen = fallback(ca.credential("chosen", 2, &["shop.example"]));
    let index = index_of([&factory]);
    index.put(credential(&chosen));
    assert_eq!(answer(&index, None).await, Some(leaf(&chosen)));
    index.remove("chosen");
    assert_eq!(answer(&index, None).await, Some(leaf(&factory)));
}

#[tokio::test]
async fn a_session_is_resumed_while_the_same_certificate_would_answer_and_not_once_another_would() {
    let ca = Ca::new("CA");
    let first = ca.credential("shop", 1, &["shop.example"]);
    let other = ca.credential("other", 2, &["other.example"]);
    let renewed = ca.credential("shop", 3, &["shop.example"]);
    let rest = fallback(ca.credential("rest", 4, &["machine.local"]));
    let wild = ca.credential("wild", 5, &["*.example"]);
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let index = index_of([&first]);
        let (edge, client) = (edge(&index), speaking(version));
        // Clones of a client share its memory of sessions.
        let comes_back = async || {
            let name = Some("shop.example");
            let stream = connect(edge.clone(), client.clone(), name).await.unwrap();
            let connection = stream.get_ref().1;
            assert_eq!(connection.protocol_version(), Some(version.version));
            (connection.handshake_kind().unwrap(), shown(&stream))
        };
        let (full, resumed) = (HandshakeKind::Full, HandshakeKind::Resumed);
        assert_eq!(comes_back().await, (full, leaf(&first)));
        assert_eq!(comes_back().await, (resumed, leaf(&first)));
        // What does not concern this name changes nothing for it.
        index.put(credential(&other));
        index.put(credential(&fallback(rest.clone())));
        assert_eq!(comes_back().await, (resumed, leaf(&first)));
        index.put(credential(&renewed));
        assert_eq!(comes_back().await, (full, leaf(&renewed)));
        assert_eq!(comes_back().await, (resumed, leaf(&renewed)));
        index.remove("shop");
        assert_eq!(comes_back().await, (full, leaf(&rest)));
        assert_eq!(comes_back().await, (resumed, leaf(&rest)));
        index.put(credential(&wild));
        assert_eq!(comes_back().await, (full, leaf(&wild)));
    }
}

#[tokio::test]
async fn another_default_shows_on_the_next_handshake_of_a_client_that_has_a_ticket() {
    let ca = Ca::new("CA");
    let factory = fallback(ca.credential("factory", 1, &["machine.local"]));
    let chosen = fallback(ca.credential("chosen", 2, &["shop.example"]));
    let index = index_of([&factory]);
    let (edge, client) = (edge(&index), client());
    let comes_back = async |edge: &Arc<Edge>| {
        let stream = connect(edge.clone(), client.clone(), None).await.unwrap();
        (stream.get_ref().1.handshake_kind().unwrap(), shown(&stream))
    };
    let (full, resumed) = (HandshakeKind::Full, HandshakeKind::Resumed);
    assert_eq!(comes_back(&edge).await, (full, leaf(&factory)));
    assert_eq!(comes_back(&edge).await, (resumed, leaf(&factory)));
    index.put(credential(&chosen));
    assert_eq!(comes_back(&edge).await, (full, leaf(&chosen)));
    // Another gateway's tickets are none here: each has keys of its own.
    let another = Edge::new(Policy::Modern, index.clone()).unwrap().into();
    assert_eq!(comes_back(&another).await, (full, leaf(&chosen)));
}

#[tokio::test]
async fn a_certificate_that_ran_out_resumes_nothing_where_a_valid_one_answers() {
    let ca = Ca::new("CA");
    let until = |id, rank, seconds| {
        let mut sent = ca.credential(id, 1, &["shop.example"]);
        sent.rank = rank;
        sent.not_after.get_or_insert_default().seconds = seconds;
        sent
    };
    let (automated, imported) = (until("automated", 3, 60), until("imported", 2, 3600));
    let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
    let index = Arc::new(ServingIndex::new(clock.clone()));
    index.replace([&automated, &imported].map(credential));
    let (edge, client) = (edge(&index), client());
    for (kind, expected) in [
        (HandshakeKind::Full, &automated),
        (HandshakeKind::Resumed, &automated),
        (HandshakeKind::Full, &imported),
    ] {
        if expected.certificate_id == "imported" {
            clock.advance(Duration::from_secs(61));
        }
        let stream = connect(edge.clone(), client.clone(), Some("shop.example"));
        let stream = stream.await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(kind));
        assert_eq!(shown(&stream), leaf(expected));
    }
}

#[tokio::test]
async fn the_key_exchange_is_safe_from_quantum_computers_where_the_client_can() {
    let ca = Ca::new("CA");
    let index = index_of([&ca.credential("a", 1, &["shop.example"])]);
    for (groups, chosen) in [
        (vec![X25519MLKEM768, X25519], "X25519MLKEM768"),
        (vec![X25519, SECP384R1], "X25519"),
        (vec![SECP256R1], "secp256r1"),
        (vec![SECP384R1], "secp384r1"),
    ] {
        let config = offering(groups, rustls::DEFAULT_VERSIONS);
        let stream = connect(edge(&index), config, Some("shop.example"));
        let stream = stream.await.unwrap();
        let group = stream.get_ref().1.negotiated_key_exchange_group();
        assert_eq!(group.unwrap().name().as_str(), Some(chosen));
    }
}

#[tokio::test]
async fn modern_is_tls_1_3_alone() {
    let ca = Ca::new("CA");
    let index = index_of([&ca.credential("a", 1, &["shop.example"])]);
    for (policy, version, spoken) in [
        (Policy::Intermediate, &rustls::version::TLS13, true),
        (Policy::Intermediate, &rustls::version::TLS12, true),
        (Policy::Modern, &rustls::version::TLS13, true),
        (Policy::Modern, &rustls::version::TLS12, false),
    ] {
        let edge = Arc::new(Edge::new(policy, index.clone()).unwrap());
        let connected = connect(edge, speaking(version), Some("shop.example")).await;
        assert_eq!(connected.is_ok(), spoken, "{policy:?}, {version:?}");
    }
}

/// A client of this version alone.
fn speaking(version: &'static SupportedProtocolVersion) -> rustls::ClientConfig {
    offering(aws_lc_rs::DEFAULT_KX_GROUPS.to_vec(), &[version])
}

fn offering(
    kx_groups: Vec<&'static dyn SupportedKxGroup>,
    versions: &[&'static SupportedProtocolVersion],
) -> rustls::ClientConfig {
    let provider = CryptoProvider {
        kx_groups,
        ..aws_lc_rs::default_provider()
    };
    rustls::ClientConfig::builder_with_provider(provider.into())
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(anything())
        .with_no_client_auth()
}

#[tokio::test]
async fn http2_and_http1_are_offered() {
    let ca = Ca::new("CA");
    let index = index_of([&ca.credential("a", 1, &["shop.example"])]);
    for (offered, chosen) in [
        (vec![b"h2".to_vec(), b"http/1.1".to_vec()], Some(&b"h2"[..])),
        (vec![b"http/1.1".to_vec()], Some(b"http/1.1")),
        (vec![], None),
    ] {
        let mut config = client();
        config.alpn_protocols = offered;
        let stream = connect(edge(&index), config, Some("shop.example"));
        let stream = stream.await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen);
    }
}

#[tokio::test]
async fn every_kind_of_key_makes_a_handshake() {
    let ca = Ca::new("CA");
    for algorithm in [
        &rcgen::PKCS_RSA_SHA256,
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA512,
        &rcgen::PKCS_ED25519,
    ] {
        let sent = ca.credential_with("a", 1, &["shop.example"], algorithm);
        let index = index_of([&sent]);
        assert_eq!(
            answer(&index, Some("shop.example")).await,
            Some(leaf(&sent)),
            "{algorithm:?}"
        );
    }
}
