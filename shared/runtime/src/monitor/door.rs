//! The port: GET of three paths, and nothing else.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_stream::StreamExt;
use tonic::body::Body;

use super::Watched;
use crate::metrics::Page;

/// Answers until it is dropped.
pub(super) async fn serve(listener: TcpListener, watched: Arc<Watched>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let tcp = match listener.accept().await {
            Ok((tcp, _)) => tcp,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let watched = watched.clone();
        tokio::spawn(async move {
            converse(tcp, watched).await;
            drop(place);
        });
    }
}

async fn converse(tcp: TcpStream, watched: Arc<Watched>) {
    let answer = service_fn(move |request| {
        let watched = watched.clone();
        async move { Ok::<_, Infallible>(answer(request, watched).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS);
    let connection = http.serve_connection(TokioIo::new(tcp), answer);
    match timeout(LONGEST, connection).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a look at the metrics was broken off"),
    }
}

async fn answer(request: Request<Incoming>, watched: Arc<Watched>) -> Response<Body> {
    let known = matches!(request.uri().path(), "/metrics" | "/healthz" | "/readyz");
    if known && request.method() != Method::GET {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        let allowed = HeaderValue::from_static("GET");
        response.headers_mut().insert(header::ALLOW, allowed);
        return response;
    }
    match request.uri().path() {
        "/metrics" => page(watched),
        "/healthz" => text(StatusCode::OK, "alive\n"),
        "/readyz" => match watched.unready().await {
            reasons if reasons.is_empty() => text(StatusCode::OK, "ready\n"),
            reasons => text(StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n"),
        },
        _ => text(
            StatusCode::NOT_FOUND,
            "there are /metrics, /healthz and /readyz\n",
        ),
    }
}

fn page(watched: Arc<Watched>) -> Response<Body> {
    let (mut page, read) = Page::new();
    tokio::spawn(async move {
        match timeout(LONGEST, watched.write(&mut page)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a look at the metrics was broken off");
            }
            Err(_) => tracing::warn!("a look at the metrics took too long"),
        }
        page.break_off().await;
    });
    let frames = read.map(|piece| piece.map(Frame::data));
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(text.into())));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Connections at once: Prometheus, a probe or two, and people.
const MAX_CONNECTIONS: usize = 32;

const HEADERS: Duration = Duration::from_secs(10);

/// For one look, and for a connection with all its looks: who keeps it open connects again.
const LONGEST: Duration = Duration::from_secs(120);

const AFTER_ERROR: Duration = Duration::from_millis(50);
