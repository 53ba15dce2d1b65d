//! The edge as a client meets it: what a real TLS handshake shows.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    client::danger::ServerCertVerifier,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, ServerName},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::trust::{Fingerprint, Seen, Trust};

/// Why there was no handshake.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// TCP or TLS failed.
    #[error("the handshake with {address} failed")]
    Failed {
        /// The gateway.
        address: SocketAddr,
        /// What was wrong.
        #[source]
        source: io::Error,
    },
    /// TLS cannot be set up here.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// Not a host name.
    #[error("{0:?} is not a host name")]
    Name(String),
}

/// Waits until the edge serves TLS, and answers the fingerprint of what it shows for this name.
pub async fn until_serving(address: SocketAddr, name: &str) -> Result<Fingerprint, HandshakeError> {
    loop {
        let look = Arc::new(Trust::in_nobody());
        // Refused by us, once we have seen the certificate.
        let _ = handshake(address, name, client_config(look.clone())?).await;
        if let Some(Seen::Other(fingerprint)) = look.seen() {
            let pinned = Trust::new(Some(fingerprint)).map_err(HandshakeError::Tls)?;
            handshake(address, name, client_config(Arc::new(pinned))?).await?;
            return Ok(fingerprint);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// A whole handshake for a name, verified with these roots; answers the leaf.
pub async fn verified_leaf(
    address: SocketAddr,
    name: &str,
    roots: RootCertStore,
) -> Result<CertificateDer<'static>, HandshakeError> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(HandshakeError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    handshake(address, name, config).await
}

async fn handshake(
    address: SocketAddr,
    name: &str,
    config: ClientConfig,
) -> Result<CertificateDer<'static>, HandshakeError> {
    let failed = |source| HandshakeError::Failed { address, source };
    let server =
        ServerName::try_from(name.to_owned()).map_err(|_| HandshakeError::Name(name.to_owned()))?;
    let tcp = TcpStream::connect(address).await.map_err(failed)?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(server, tcp)
        .await
        .map_err(failed)?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let leaf = chain
        .first()
        .ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
    Ok(leaf.clone().into_owned())
}

fn client_config(verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, HandshakeError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(HandshakeError::Tls)?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

const POLL: Duration = Duration::from_millis(10);
