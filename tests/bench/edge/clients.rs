//! Clients that make one full handshake after the other, on a core of their own.

use std::{
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use api::keystore::v1::ServingCredential;
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use rustix::thread::{CpuSet, sched_setaffinity};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, HandshakeKind, NamedGroup, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{ActiveKeyExchange, CryptoProvider, SharedSecret, SupportedKxGroup, aws_lc_rs as tls},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::TlsConnector;

use super::{CLIENT_CORE, estate, estate::Estate};

/// What was done.
pub struct Run {
    /// Those that were finished.
    pub handshakes: usize,
    /// Since the first began.
    pub took: Duration,
}

/// Makes handshakes with these names for so many seconds, [`AT_ONCE`] at a time.
pub async fn run(address: SocketAddr, credentials: &[ServingCredential], seconds: u64) -> Run {
    let leaves = credentials
        .iter()
        .map(|credential| credential.chain_der[0].clone());
    let leaves = leaves.collect::<Arc<[_]>>();
    let config = config();
    let work = move || {
        let mut core = CpuSet::new();
        core.set(CLIENT_CORE);
        sched_setaffinity(None, &core).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let started = Instant::now();
            let until = started + Duration::from_secs(seconds);
            let mut clients = JoinSet::new();
            for client in 0..AT_ONCE {
                let (config, leaves) = (config.clone(), leaves.clone());
                clients.spawn(async move {
                    let (mut done, mut drawn) = (0, client as u64 + 1);
                    while Instant::now() < until {
                        // Knuth's generator: which name comes next is as good as random.
                        drawn = drawn
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1);
                        let number = (drawn >> 33) as usize % leaves.len();
                        let shown = handshake(address, config.clone(), number).await;
                        assert_eq!(*shown.unwrap(), *leaves[number]);
                        done += 1;
                    }
                    done
                });
            }
            let handshakes = clients.join_all().await.into_iter().sum();
            Run {
                handshakes,
                took: started.elapsed(),
            }
        })
    };
    let (to, from) = tokio::sync::oneshot::channel();
    thread::spawn(move || to.send(work()).ok());
    from.await.expect("the clients are done")
}

/// Whether the certificate of this number is shown under its name.
pub async fn shows(address: SocketAddr, estate: &Estate, number: usize) -> std::io::Result<()> {
    let shown = handshake(address, config(), number).await?;
    match *shown == *estate.credentials[number].chain_der[0] {
        true => Ok(()),
        false => Err(std::io::Error::other("another is")),
    }
}

/// One handshake to its end: the server has seen all of it when it closes.
async fn handshake(
    address: SocketAddr,
    config: Arc<ClientConfig>,
    number: usize,
) -> std::io::Result<CertificateDer<'static>> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    // Closed without a wait in the kernel: ports do not run out.
    tcp.set_zero_linger()?;
    let name = ServerName::try_from(estate::name(number)).unwrap();
    let mut stream = TlsConnector::from(config).connect(name, tcp).await?;
    let (tcp, connection) = stream.get_mut();
    assert_eq!(connection.handshake_kind(), Some(HandshakeKind::Full));
    let shown = connection.peer_certificates().unwrap()[0].clone();
    connection.send_close_notify();
    let mut goodbye = Vec::new();
    connection.write_tls(&mut goodbye)?;
    tcp.write_all(&goodbye).await?;
    // Tickets, and then the end, however it comes.
    let _ = tcp.read_to_end(&mut Vec::new()).await;
    Ok(shown)
}

/// TLS 1.3 by X25519, as cheap for the client as can be: the server is what is measured.
fn config() -> Arc<ClientConfig> {
    let provider = CryptoProvider {
        kx_groups: vec![&SAME_KEY],
        ..tls::default_provider()
    };
    let mut config = ClientConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unverified))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.into()
}

/// X25519 with one key for all handshakes.
#[derive(Debug)]
struct SameKey;

static SAME_KEY: SameKey = SameKey;

struct Agreement {
    key: PrivateKey,
    public: Vec<u8>,
}

impl SupportedKxGroup for SameKey {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let key = PrivateKey::from_private_key(&X25519, &[0x42; 32]).unwrap();
        let public = key.compute_public_key().unwrap().as_ref().to_vec();
        Ok(Box::new(Agreement { key, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

impl ActiveKeyExchange for Agreement {
    fn complete(self: Box<Self>, theirs: &[u8]) -> Result<SharedSecret, Error> {
        let theirs = UnparsedPublicKey::new(&X25519, theirs);
        let failed = Error::General("no agreement".to_owned());
        agree(&self.key, theirs, failed, |secret| {
            Ok(SharedSecret::from(secret))
        })
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// Looks at nothing: which certificate came is compared with the one that is to come.
#[derive(Debug)]
struct Unverified;

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// So many that the server always has one to do, and below what one address may have.
const AT_ONCE: usize = 48;
