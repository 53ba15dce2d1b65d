//! What is not gRPC: a short text for who looks with a browser, and the headers that every text carries.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Response, StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use tonic::body::Body;

/// The answer to a request on the https port that is not gRPC.
///
/// `own_certificate`: the connection is under a certificate for the name that the client asked for. Only
/// then may the browser be told to insist on https from now on (RFC 6797): under the fallback certificate
/// that would lock a person out of a name that this gateway does not even serve.
pub fn answer(method: &Method, path: &str, own_certificate: bool) -> Response<Body> {
    let mut response = match (method, path) {
        (&Method::GET, "/") => text(StatusCode::OK, WELCOME),
        (&Method::HEAD, "/") => text(StatusCode::OK, ""),
        (_, "/") => not_allowed(),
        _ => text(StatusCode::NOT_FOUND, "There is nothing here.\n"),
    };
    if own_certificate {
        let insist = HeaderValue::from_static("max-age=15552000");
        response
            .headers_mut()
            .insert(header::STRICT_TRANSPORT_SECURITY, insist);
    }
    response
}

/// Other methods than GET and HEAD, where only these are of use.
pub fn not_allowed() -> Response<Body> {
    let mut response = text(
        StatusCode::METHOD_NOT_ALLOWED,
        "Only GET and HEAD are of use here.\n",
    );
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// Plain text, which no browser takes for anything else, nor keeps.
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(body.into())));
    *response.status_mut() = status;
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

const WELCOME: &str = "\
This is Chancery: it gets TLS certificates, keeps their keys, and serves them.
Here is its API (gRPC). Use it from a terminal:

    chancery login https://<this address> < token
    chancery whoami
    chancery certs list
    chancery --help
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_with_its_own_certificate_insists_on_https() {
        let insists = |own| {
            let response = answer(&Method::GET, "/", own);
            response
                .headers()
                .contains_key(header::STRICT_TRANSPORT_SECURITY)
        };
        assert!(insists(true) && !insists(false));
    }

    #[test]
    fn nothing_else_is_here() {
        for (method, path, status) in [
            (Method::GET, "/", 200),
            (Method::HEAD, "/", 200),
            (Method::POST, "/", 405),
            (Method::GET, "/index.html", 404),
            (Method::POST, "/chancery.acme.v1.AcmeService/RenewNow", 404),
        ] {
            let response = answer(&method, path, true);
            assert_eq!(response.status(), status, "{method} {path}");
            assert_eq!(
                response.headers()[header::X_CONTENT_TYPE_OPTIONS],
                "nosniff"
            );
        }
    }
}
