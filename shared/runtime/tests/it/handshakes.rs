//! Who gets through the handshake, with clients that do as they please.

use std::{io, net::SocketAddr, sync::Arc};

use runtime::{Clock, IdentityError, Runtime, StartError, identity::spiffe};
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::{
    authority::{Authority, DAY, Leaf, shared, start},
    peers::Peer,
};

struct Door {
    data: TempDir,
    clock: Clock,
    authority: Arc<Authority>,
    keystore: Peer,
}

impl Door {
    fn new() -> Self {
        let (data, clock) = (tempfile::tempdir().unwrap(), Clock::system());
        let authority = Arc::new(Authority::new(&clock));
        authority.enrol(data.path(), "keystore");
        let keystore = Peer::serve("keystore", data.path(), &clock, authority.clone());
        Self {
            data,
            clock,
            authority,
            keystore,
        }
    }

    async fn knock(&self, leaf: Option<Leaf>) -> io::Result<()> {
        knock(self.keystore.address, leaf).await.map(|_| ())
    }
}

/// Opens an HTTP/2 connection; the certificate of the server that answered on it.
pub async fn knock(address: SocketAddr, leaf: Option<Leaf>) -> io::Result<CertificateDer<'static>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    // This test is about the server's judgement of the client, not the other way round.
    let builder = builder
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(provider)));
    let mut config = match leaf {
        Some(leaf) => builder.with_client_auth_cert(leaf.chain, leaf.key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tcp = TcpStream::connect(address).await?;
    let name = ServerName::try_from("keystore").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await?;
    // The preface and empty settings (RFC 9113, section 3.4). With TLS 1.3 a refusal shows on reading.
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await?;
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).await?;
    let (_, session) = stream.get_ref();
    Ok(session.peer_certificates().unwrap()[0].clone().into_owned())
}

#[tokio::test]
async fn a_leaf_of_the_internal_ca_with_a_name_is_let_in() {
    let door = Door::new();
    let leaf = door.authority.leaf(Some(&spiffe::id("gateway")));
    door.knock(Some(leaf)).await.unwrap();
}

#[tokio::test]
async fn everyone_else_is_refused() {
    let door = Door::new();
    let foreign = Authority::new(&door.clock);
    let gateway = spiffe::id("gateway");
    for (who, leaf) in [
        ("nobody", None),
        ("another CA's gateway", Some(foreign.leaf(Some(&gateway)))),
        (
            "a leaf without a SPIFFE id",
            Some(door.authority.leaf(None)),
        ),
        (
            "another trust domain",
            Some(door.authority.leaf(Some("spiffe://elsewhere/gateway"))),
        ),
        (
            "a path and no name",
            Some(door.authority.leaf(Some("spiffe://chancery/gateway/admin"))),
        ),
        (
            "an expired gateway",
            Some(
                door.authority
                    .leaf_until(Some(&gateway), door.clock.now() - DAY / 48),
            ),
        ),
    ] {
        let refused = door.knock(leaf).await;
        assert!(refused.is_err(), "{who} was let in");
    }
    // And the door still opens.
    door.knock(Some(door.authority.leaf(Some(&gateway))))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_client_that_says_nothing_holds_up_nobody() {
    let door = Door::new();
    let _silent = TcpStream::connect(door.keystore.address).await.unwrap();
    let leaf = door.authority.leaf(Some(&spiffe::id("gateway")));
    door.knock(Some(leaf)).await.unwrap();
}

#[tokio::test]
async fn a_service_does_not_start_with_an_identity_that_is_not_its_own() {
    let door = Door::new();
    let foreign = Authority::new(&door.clock);
    let shared = shared(door.data.path(), door.keystore.address);
    let start = || {
        let stopping = CancellationToken::new();
        let refused = Runtime::start(
            "gateway",
            shared.clone(),
            door.clock.clone(),
            stopping,
            None,
        );
        match refused.err() {
            Some(StartError::Identity(error)) => error,
            _ => panic!("it started"),
        }
    };
    assert!(matches!(start(), IdentityError::Read { .. }));

    let id = spiffe::id("gateway");
    door.authority
        .lay(door.data.path(), "gateway", &foreign.leaf(Some(&id)));
    assert!(matches!(
        start(),
        IdentityError::Tls(rustls::Error::InvalidCertificate(_))
    ));

    let projection = door.authority.leaf(Some(&spiffe::id("projection")));
    door.authority.lay(door.data.path(), "gateway", &projection);
    assert!(matches!(start(), IdentityError::OtherName { .. }));

    let mut mixed = door.authority.leaf(Some(&id));
    mixed.key_pem = door.authority.leaf(Some(&id)).key_pem;
    door.authority.lay(door.data.path(), "gateway", &mixed);
    assert!(matches!(start(), IdentityError::Tls(_)));
}

#[tokio::test]
async fn an_expired_identity_starts_so_that_it_can_be_renewed() {
    let door = Door::new();
    let expired = door
        .authority
        .leaf_until(Some(&spiffe::id("gateway")), door.clock.now() - DAY / 48);
    door.authority.lay(door.data.path(), "gateway", &expired);
    start(
        "gateway",
        &shared(door.data.path(), door.keystore.address),
        &door.clock,
    );
}

/// Trusts any server.
#[derive(Debug)]
struct Anyone(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls_pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
