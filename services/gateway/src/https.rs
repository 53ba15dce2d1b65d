//! The https port: TLS by SNI, then gRPC (also as [gRPC-web](grpc_web)) to the [`Forwarder`], and the rest to the [`Site`]. A CA that looks for a
//! proof (RFC 8737) gets a handshake of its own, and no conversation.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{
    Method, Request, Response, StatusCode, Version, body::Incoming, header, service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use runtime::Gathered;
use rustls::server::Acceptor;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tracing::debug;

use crate::{
    challenges::Challenges,
    config::Config,
    connections::{self, Visit},
    forward::Forwarder,
    grpc_web, metrics, plain,
    tls::{Answer, Edge},
    tls_alpn_01,
    web::Site,
};

/// Who answers what comes by https.
#[derive(Clone)]
pub struct Doors {
    /// Calls of programs.
    pub forwarder: Forwarder,
    /// All else.
    pub site: Site,
}

/// Serves the https port until `stopping`.
pub async fn serve(
    listener: TcpListener,
    edge: Arc<Edge>,
    challenges: Arc<Challenges>,
    doors: Doors,
    config: &Config,
    stopping: &CancellationToken,
) {
    let serve = |tcp, peer, visit: Visit| {
        let (edge, doors) = (edge.clone(), doors.clone());
        let challenges = challenges.clone();
        async move {
            // A conversation may last for days, and most are pages that listen: what a handshake takes is given back
            // after it, and nothing large is kept in more than one place.
            let handshake = Box::pin(handshake(&edge, &challenges, tcp));
            let begun = visit
                .stopping
                .run_until_cancelled(timeout(HANDSHAKE, handshake))
                .await;
            metrics::handshake(&begun);
            match begun {
                Some(Ok(Ok(Some((tls, shown))))) => converse(tls, peer, &shown, doors, visit).await,
                Some(Ok(Ok(None))) => debug!(%peer, "a challenge was answered"),
                Some(Ok(Err(e))) => {
                    debug!(%peer, error = &e as &dyn std::error::Error, "no handshake")
                }
                Some(Err(_)) => debug!(%peer, "handshake took too long"),
                None => {}
            }
        }
    };
    connections::accept(listener, config, stopping, serve).await;
}

/// The connection, where there is to be a conversation on it: a CA's ends with its handshake (RFC 8737, section 3).
///
/// Before the keystore's first snapshot there is nothing to answer others with: their connections wait for it.
async fn handshake(
    edge: &Edge,
    challenges: &Challenges,
    tcp: TcpStream,
) -> io::Result<Option<(Box<TlsStream<TcpStream>>, Answer)>> {
    let begun = LazyConfigAcceptor::new(Acceptor::default(), tcp).await?;
    let hello = begun.client_hello();
    if tls_alpn_01::is_asked_for(&hello) {
        let name = hello.server_name().map(str::to_owned);
        let answer = tls_alpn_01::answer(challenges, name.as_deref()).await?;
        let mut tls = begun.into_stream(answer).await?;
        tls.shutdown().await?;
        return Ok(None);
    }
    edge.ready().await;
    let (answer, config) = edge.answering(&begun.client_hello());
    let tls = Box::new(begun.into_stream(config).await?);
    let answer = answer.ok_or_else(|| io::Error::other("a handshake without a certificate"))?;
    edge.finished(&answer, tls.get_ref().1);
    Ok(Some((tls, answer)))
}

async fn converse(
    tls: Box<TlsStream<TcpStream>>,
    peer: SocketAddr,
    shown: &Answer,
    doors: Doors,
    visit: Visit,
) {
    let own_certificate = !shown.credential.fallback;
    let in_flight = visit.requests.clone();
    let service = service_fn(move |request| {
        let (doors, in_flight) = (doors.clone(), in_flight.begin());
        async move {
            // What it takes to answer is given back before the answer has been sent: that of an open page takes days.
            let response = Box::pin(answer(request, peer, own_certificate, &doors)).await;
            Ok::<_, Infallible>(in_flight.until_sent(response))
        }
    });
    let http = http();
    let connection = http.serve_connection(TokioIo::new(Gathered::new(tls)), service);
    let mut connection = Box::pin(connection);
    if let Err(e) = visit.drive(connection.as_mut()).await {
        debug!(%peer, error = &*e as &dyn std::error::Error, "connection broken");
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    own_certificate: bool,
    doors: &Doors,
) -> Response<Body> {
    let Doors { forwarder, site } = doors;
    match protocol(&request) {
        Some(Protocol::Grpc) if request.version() == Version::HTTP_2 => {
            forwarder.answer(request.map(Body::new), peer).await
        }
        Some(Protocol::Grpc) => plain::text(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "gRPC needs HTTP/2.\n",
        ),
        Some(Protocol::GrpcWeb) => grpc_web::answer(request, peer, forwarder).await,
        None => site.answer(request, peer, own_certificate).await,
    }
}

enum Protocol {
    Grpc,
    GrpcWeb,
}

/// What a request is written in, by its content type: "application/grpc", with or without "+proto".
fn protocol<B>(request: &Request<B>) -> Option<Protocol> {
    if request.method() != Method::POST {
        return None;
    }
    let content_type = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let rest = content_type.strip_prefix("application/grpc")?;
    match rest.bytes().next() {
        None | Some(b'+' | b';') => Some(Protocol::Grpc),
        Some(b'-') => Some(Protocol::GrpcWeb),
        Some(_) => None,
    }
}

/// HTTP/2 and HTTP/1.1, with bounds on all that a client may make us keep or wait for.
fn http() -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES);
    http.http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .max_concurrent_streams(MAX_STREAMS)
        .max_send_buf_size(MAX_SEND_BYTES)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE);
    http
}

/// For the whole handshake, and the wait for the first certificates before it.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// For the headers of an HTTP/1.1 request.
const HEADERS: Duration = Duration::from_secs(10);

const KEEPALIVE: Duration = Duration::from_secs(20);
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 16 << 10;
const MAX_STREAMS: u32 = 64;
const MAX_SEND_BYTES: usize = 64 << 10;
const STREAM_WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 256 << 10;
