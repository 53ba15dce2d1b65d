//! The gateway, as a stranger's TLS client meets it.

use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
    sync::Arc,
};

use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, SignatureScheme,
    client::{
        WantsClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{
        CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature_with_raw_key,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::tools::on_path;

/// Where the gateway listens.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// TLS: certificates by SNI, and the public API.
    pub https: SocketAddr,
    /// Challenges, and redirects.
    pub http: SocketAddr,
}

impl Edge {
    /// The leaf (DER) that answers a handshake with this name, or with none; `None` where there is no handshake.
    pub async fn leaf(&self, name: Option<&str>) -> Option<Vec<u8>> {
        Some(leaf_of(&self.handshake(name).await.ok()?))
    }

    /// A TLS connection that takes any certificate.
    ///
    /// # Errors
    /// Where the handshake fails.
    pub async fn handshake(&self, name: Option<&str>) -> std::io::Result<TlsStream<TcpStream>> {
        let mut config = trusting_anybody().with_no_client_auth();
        config.enable_sni = name.is_some();
        let name =
            ServerName::try_from(name.unwrap_or("localhost").to_owned()).expect("a host name");
        let tcp = TcpStream::connect(self.https).await?;
        TlsConnector::from(Arc::new(config))
            .connect(name, tcp)
            .await
    }

    /// A TLS connection from this address of the machine's own (127.0.0.2 is one), for this protocol.
    ///
    /// # Errors
    /// Where there is no connection, or no handshake.
    pub async fn handshake_from(
        &self,
        address: Ipv4Addr,
        protocol: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut config = trusting_anybody().with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let tcp = self.connect_from(address).await?;
        let name = ServerName::try_from("localhost").expect("a host name");
        let tls = TlsConnector::from(Arc::new(config));
        tls.connect(name, tcp).await
    }

    /// A bare connection to the https port, from this address.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn connect_from(&self, address: Ipv4Addr) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((address, 0).into())?;
        socket.connect(self.https).await
    }

    /// Lets openssl make a handshake for the name and verify all of it against this root (PEM): its verdict.
    /// `None` where there is no openssl on this machine.
    pub fn openssl_verdict(&self, name: &str, root: &str) -> Option<String> {
        let openssl = on_path("openssl")?;
        let mut file = tempfile::NamedTempFile::new().expect("a file for the root");
        file.write_all(root.as_bytes())
            .expect("the root is written");
        let output = Command::new(openssl)
            .args([
                "s_client",
                "-connect",
                &self.https.to_string(),
                "-servername",
                name,
            ])
            .args(["-verify_hostname", name, "-verify_return_error", "-brief"])
            .arg("-CAfile")
            .arg(file.path())
            .stdin(Stdio::null())
            .output()
            .expect("openssl runs");
        let said = [output.stdout, output.stderr].concat();
        Some(String::from_utf8_lossy(&said).into_owned())
    }
}

/// The leaf (DER) that a connection was answered with.
pub fn leaf_of(connection: &TlsStream<TcpStream>) -> Vec<u8> {
    let chain = connection
        .get_ref()
        .1
        .peer_certificates()
        .expect("a server shows its certificate");
    chain[0].to_vec()
}

/// SHA-256 of a certificate, hex.
pub fn fingerprint(der: &[u8]) -> String {
    pki::Certificate::parse(der)
        .expect("a certificate")
        .sha256_fingerprint
}

/// A certificate as openssl prints it with these options ("-noout", "-ext", "subjectAltName");
/// `None` where there is no openssl on this machine.
pub fn openssl_x509(der: &[u8], options: &[&str]) -> Option<String> {
    let openssl = on_path("openssl")?;
    let file = tempfile::NamedTempFile::new().expect("a file for the certificate");
    fs::write(file.path(), der).expect("the certificate is written");
    let mut command = Command::new(openssl);
    command
        .args(["x509", "-inform", "DER", "-in"])
        .arg(file.path())
        .args(options)
        .stdin(Stdio::null());
    let output = command.output().expect("openssl runs");
    assert!(
        output.status.success(),
        "openssl reads it: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The beginning of a TLS client that takes any server for the right one.
pub fn trusting_anybody() -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider speaks TLS")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything(provider)))
}

/// Takes any certificate: the story looks at it itself. The handshake's signature must still be right.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _issuers: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
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
        // With its bare key: a certificate of TLS-ALPN-01 has a critical extension that webpki does not know.
        let leaf = pki::Certificate::parse(leaf)
            .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding))?;
        verify_tls13_signature_with_raw_key(
            message,
            &leaf.spki_der.as_slice().into(),
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
