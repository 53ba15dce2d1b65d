//! What the tests stand on: certificates, an internal CA with identities, services that answer over mTLS,
//! and a client that looks at what a handshake shows.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};

use api::{
    CertificateFilter, keystore::v1::ServingCredential, options::v1::Role,
    x509::v1::SubjectAltNames,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    SanType, SignatureAlgorithm,
};
use runtime::{Clock, Layout, Runtime, Shared};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::principal::{KeyExport, Principal, Who};

/// A certification authority.
pub struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    /// A fresh one.
    pub fn new(name: &str) -> Ca {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, name);
        Ca(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// What the keystore sends for a certificate of these names.
    pub fn credential(&self, id: &str, position: u64, names: &[&str]) -> ServingCredential {
        self.credential_with(id, position, names, &rcgen::PKCS_ECDSA_P256_SHA256)
    }

    /// The same, with a key of this kind.
    pub fn credential_with(
        &self,
        id: &str,
        position: u64,
        names: &[&str],
        algorithm: &'static SignatureAlgorithm,
    ) -> ServingCredential {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let names = names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>();
        let params = CertificateParams::new(names.clone()).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        ServingCredential {
            certificate_id: id.into(),
            version: 1,
            chain_der: vec![certificate.der().to_vec().into()],
            private_key_der: key.serialize_der().into(),
            subject_alt_names: Some(SubjectAltNames {
                dns_names: names,
                ip_addresses: Vec::new(),
            }),
            fallback: false,
            position,
            rank: 0,
            not_before: None,
            not_after: None,
        }
    }

    fn identity(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        let id = runtime::identity::spiffe::id(name);
        params
            .subject_alt_names
            .push(SanType::URI(id.try_into().unwrap()));
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem() + &self.0.pem(), key.serialize_pem())
    }
}

/// A caller with this role, and no bounds but that.
pub fn principal(role: Role) -> Principal {
    Principal {
        actor: "token/me".into(),
        name: "me".into(),
        role,
        certificates: CertificateFilter::default(),
        key_export: KeyExport::Allowed,
        who: Who::Bootstrap,
        expires: None,
    }
}

/// The leaf of a credential, as a handshake shows it.
pub fn leaf(credential: &ServingCredential) -> CertificateDer<'static> {
    credential.chain_der[0].to_vec().into()
}

/// A data folder with identities, and where its services are.
pub struct House {
    folder: TempDir,
    shared: Shared,
    stopping: CancellationToken,
}

impl House {
    /// Nobody is up yet; the peers' ports are not bound.
    pub fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        fs::create_dir(layout.identity_dir()).unwrap();
        let ca = Ca::new("internal CA");
        fs::write(layout.ca_certificate(), ca.pem()).unwrap();
        for name in [
            "keystore",
            "csr-service",
            "acme-agent",
            "notifier",
            "projection",
            "gateway",
        ] {
            let (leaf, key) = ca.identity(name);
            fs::write(layout.leaf(name), leaf).unwrap();
            fs::write(layout.leaf_key(name), key).unwrap();
        }
        let mut shared = Shared {
            data_dir: folder.path().into(),
            ..Shared::default()
        };
        // Nothing listens on port 1 of this machine.
        shared.peers.keystore = "127.0.0.1:1".into();
        shared.peers.csr_service = "127.0.0.1:1".into();
        shared.peers.acme_agent = "127.0.0.1:1".into();
        shared.peers.notifier = "127.0.0.1:1".into();
        shared.peers.projection = "127.0.0.1:1".into();
        shared.nats.url = "tls://127.0.0.1:1".into();
        House {
            folder,
            shared,
            stopping: CancellationToken::new(),
        }
    }

    /// Starts a service that answers with these routes, over the real runtime.
    pub fn open(&mut self, service: &'static str, routes: Routes) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let peers = &mut self.shared.peers;
        let peer = match service {
            "keystore" => &mut peers.keystore,
            "csr-service" => &mut peers.csr_service,
            "acme-agent" => &mut peers.acme_agent,
            "notifier" => &mut peers.notifier,
            "projection" => &mut peers.projection,
            other => panic!("{other} has no internal gRPC"),
        };
        *peer = address.to_string();
        self.serve(service, listener, routes, self.stopping.child_token());
        address
    }

    /// Serves these routes on a socket until `stopping`.
    pub fn serve(
        &self,
        service: &'static str,
        listener: TcpListener,
        routes: Routes,
        stopping: CancellationToken,
    ) {
        let runtime = self.start(service, stopping, Some(listener));
        tokio::spawn(async move { runtime.serve(routes).await.unwrap() });
    }

    /// The gateway's own runtime.
    pub fn gateway(&self) -> Runtime {
        self.start("gateway", self.stopping.child_token(), None)
    }

    fn start(
        &self,
        service: &'static str,
        stopping: CancellationToken,
        listener: Option<TcpListener>,
    ) -> Runtime {
        Runtime::start(
            service,
            self.shared.clone(),
            Clock::system(),
            stopping,
            listener,
        )
        .unwrap()
    }

    /// Stops all that runs here.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// A path in the data folder.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// A client that takes any certificate, to look at it.
pub fn client() -> ClientConfig {
    ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(anything())
        .with_no_client_auth()
}

/// Takes any certificate whose key signed the handshake.
pub fn anything() -> Arc<dyn ServerCertVerifier> {
    Arc::new(Anything(aws_lc_rs::default_provider().into()))
}

/// Makes a handshake with this SNI, or with none.
pub async fn handshake<S>(
    mut config: ClientConfig,
    stream: S,
    name: Option<&str>,
) -> io::Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    config.enable_sni = name.is_some();
    let name = ServerName::try_from(name.unwrap_or("unused.example").to_owned()).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// The certificate that a connection was answered with.
pub fn shown<S>(stream: &TlsStream<S>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            leaf,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            leaf,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
