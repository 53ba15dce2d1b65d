//! The internal gRPC of a service: mutual TLS, and each method open to its own callers alone.

mod accept;
mod guard;

use std::{io, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::{service::Routes, transport::Server};
use tonic_health::ServingStatus;

use self::guard::GuardLayer;
use crate::{Runtime, health};

/// Serves `routes` on `bound`, else on the service's own address.
pub(crate) async fn serve(
    runtime: &Runtime,
    bound: Option<std::net::TcpListener>,
    routes: Routes,
) -> Result<(), ServeError> {
    let listener = match bound {
        Some(listener) => take(listener).map_err(ServeError::Listener)?,
        None => bind(runtime).await?,
    };
    let address = listener.local_addr().map_err(ServeError::Listener)?;
    let mut tls = runtime
        .identity()
        .server_config()
        .map_err(ServeError::Tls)?;
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let connections = accept::accept(
        listener,
        TlsAcceptor::from(Arc::new(tls)),
        runtime.stopping(),
    );

    let (health, health_service) = tonic_health::server::health_reporter();
    runtime.answers_with_log();
    let server = Server::builder()
        .timeout(CALL_TIMEOUT)
        .concurrency_limit_per_connection(MAX_STREAMS as usize)
        .max_concurrent_streams(MAX_STREAMS)
        .max_connection_age(MAX_CONNECTION_AGE)
        .max_connection_age_grace(MAX_CONNECTION_AGE)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .http2_max_header_list_size(MAX_HEADERS)
        .layer(GuardLayer::new(runtime))
        .add_routes(routes.add_service(health_service))
        .serve_with_incoming_shutdown(connections, runtime.stopping().cancelled_owned());
    tracing::info!(service = runtime.service(), %address, "ready");

    let stopping = runtime.stopping();
    let grace = async {
        stopping.cancelled().await;
        health
            .set_service_status("", ServingStatus::NotServing)
            .await;
        tokio::time::sleep(GRACE).await;
    };
    let truthful = async {
        stopping
            .run_until_cancelled(health::keep(runtime, &health))
            .await;
        std::future::pending().await
    };
    tokio::select! {
        served = server => served.map_err(ServeError::Serve),
        // Streams that nobody ended end here.
        () = grace => Ok(()),
        never = truthful => never,
    }
}

/// The internal gRPC cannot be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The configuration gives the service no place to listen.
    #[error(
        "the configuration does not say where {0} listens: set [peers] or the service's listen"
    )]
    Nowhere(String),
    /// The address cannot be bound.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The socket that was handed over cannot be used.
    #[error("cannot use the listening socket")]
    Listener(#[source] io::Error),
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// Serving came to an end by itself.
    #[error("the internal gRPC server failed")]
    Serve(#[source] tonic::transport::Error),
}

fn take(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn bind(runtime: &Runtime) -> Result<TcpListener, ServeError> {
    let (service, shared) = (runtime.service(), runtime.shared());
    let own = shared.listen.get(service).map(String::as_str);
    let address = own.or_else(|| shared.peers.of(service));
    let address = address.ok_or_else(|| ServeError::Nowhere(service.into()))?;
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| ServeError::Bind {
        address: address.into(),
        source,
    })
}

/// How long a method may take to begin its answer, where the caller asks for nothing shorter.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);

/// Calls and streams at the same time on one connection.
const MAX_STREAMS: u32 = 256;

/// A connection takes no new calls after this, and after twice this its streams end too: so that none outlives the
/// identity it was opened with, which has 10 days left when it is renewed.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(12 * 3_600);

/// How often a silent connection is tried, and how long it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// All headers of a call together, in bytes.
const MAX_HEADERS: u32 = 16 * 1024;

/// How long calls may go on once the service is to stop.
const GRACE: Duration = Duration::from_secs(5);
