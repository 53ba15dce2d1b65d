//! Channels to other services.

use std::{io, sync::Arc, time::Duration};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint};

use crate::{config::Peers, gathered::Gathered, identity::IdentityStore};

/// A channel to `peer` that connects when it must, each time with the identity that is then in use.
pub(crate) fn open(
    peer: &str,
    peers: &Peers,
    identity: &IdentityStore,
) -> Result<Channel, ChannelError> {
    let address = peers
        .of(peer)
        .ok_or_else(|| ChannelError::Unknown(peer.into()))?;
    let mut tls = identity
        .client_config_for(peer)
        .map_err(ChannelError::Tls)?;
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let tls = TlsConnector::from(Arc::new(tls));
    // Only for the handshake's SNI: who the peer is stands in its SPIFFE id.
    let name =
        ServerName::try_from(peer.to_owned()).map_err(|_| ChannelError::Unknown(peer.into()))?;
    // "http", because the connector brings TLS itself; tonic's own cannot check a SPIFFE id.
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|source| {
        ChannelError::Address {
            peer: peer.into(),
            address: address.into(),
            source,
        }
    })?;
    let endpoint = endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true);
    let connector = tower::service_fn(move |uri: Uri| connect(uri, tls.clone(), name.clone()));
    Ok(endpoint.connect_with_connector_lazy(connector))
}

/// A channel cannot be made. That a peer cannot be reached shows on the call, as `UNAVAILABLE`.
#[derive(Debug, Error)]
pub enum ChannelError {
    /// There is no such peer.
    #[error("no service with internal gRPC is called {0:?}")]
    Unknown(String),
    /// Its address is not one.
    #[error("{address:?} is not the address of {peer}: write it like \"127.0.0.1:7401\"")]
    Address {
        /// The peer.
        peer: String,
        /// What was configured.
        address: String,
        /// Why it is no address.
        #[source]
        source: tonic::transport::Error,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
}

async fn connect(
    uri: Uri,
    tls: TlsConnector,
    name: ServerName<'static>,
) -> io::Result<TokioIo<Gathered<TlsStream<TcpStream>>>> {
    let address = uri
        .authority()
        .map(http::uri::Authority::as_str)
        .unwrap_or_default();
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    Ok(TokioIo::new(Gathered::new(tls.connect(name, tcp).await?)))
}

/// How long TCP and TLS may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a peer may take to begin its answer; a stream may then go on.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);

/// How often a silent connection is tried, and how long it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(20);
