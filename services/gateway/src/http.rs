//! The http port: answers to ACME challenges (RFC 8555, section 8.3), and the way to https for all else.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tracing::{debug, info};

use crate::{
    challenges::Challenges,
    config::Config,
    connections::{self, Visit},
    plain, redirect,
};

/// Serves the http port until `stopping`. Redirects name `https_port`.
pub async fn serve(
    listener: TcpListener,
    challenges: Arc<Challenges>,
    https_port: u16,
    config: &Config,
    stopping: &CancellationToken,
) {
    let serve = |tcp: TcpStream, peer, visit: Visit| {
        let challenges = challenges.clone();
        async move {
            let in_flight = visit.requests.clone();
            let service = service_fn(move |request| {
                let (challenges, in_flight) = (challenges.clone(), in_flight.begin());
                async move {
                    let response = answer(&request, &challenges, https_port).await;
                    Ok::<_, Infallible>(in_flight.until_sent(response))
                }
            });
            let connection = http().serve_connection(TokioIo::new(tcp), service);
            if let Err(e) = visit.drive(pin!(connection)).await {
                debug!(%peer, error = &e as &dyn std::error::Error, "connection broken");
            }
        }
    };
    connections::accept(listener, config, stopping, serve).await;
}

async fn answer(
    request: &Request<Incoming>,
    challenges: &Challenges,
    https_port: u16,
) -> Response<Body> {
    match request.uri().path().strip_prefix(CHALLENGE_PATH) {
        Some(token) => challenge(request.method(), token, challenges).await,
        None => elsewhere(request, https_port),
    }
}

async fn challenge(method: &Method, token: &str, challenges: &Challenges) -> Response<Body> {
    if method != Method::GET && method != Method::HEAD {
        return plain::not_allowed();
    }
    match challenges.answer_to(token).await {
        Ok(Some(key_authorization)) => {
            info!(token, "challenge answered");
            plain::text(StatusCode::OK, key_authorization)
        }
        Ok(None) => plain::text(StatusCode::NOT_FOUND, "There is no such challenge here.\n"),
        Err(e) => {
            debug!(
                error = &e as &dyn std::error::Error,
                "cannot look for a challenge"
            );
            let mut response = plain::text(
                StatusCode::SERVICE_UNAVAILABLE,
                "Challenges cannot be looked up now.\n",
            );
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
    }
}

fn elsewhere(request: &Request<Incoming>, https_port: u16) -> Response<Body> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    if hosts.next().is_some() {
        return plain::text(
            StatusCode::BAD_REQUEST,
            "The request names more than one host.\n",
        );
    }
    let target = redirect::target(request.uri(), host, https_port);
    match target.map(|target| (HeaderValue::try_from(&target), target)) {
        Ok((Ok(location), target)) => {
            // 308: the method stays what it was (RFC 9110, section 15.4.9).
            let mut response = plain::text(
                StatusCode::PERMANENT_REDIRECT,
                format!("This is at {target}\n"),
            );
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        Ok((Err(_), _)) => plain::text(StatusCode::BAD_REQUEST, "The path cannot be repeated.\n"),
        Err(e) => plain::text(StatusCode::BAD_REQUEST, format!("Bad request: {e}.\n")),
    }
}

/// HTTP/1.1, with bounds on all that a client may make us keep or wait for.
fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(10))
        .max_headers(64)
        .max_buf_size(16 << 10);
    http
}

const CHALLENGE_PATH: &str = "/.well-known/acme-challenge/";

#[cfg(test)]
mod tests;
