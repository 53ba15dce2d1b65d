//! The headers of every page: what a browser must not do with it.

use axum::http::{
    HeaderMap,
    header::{self, HeaderName, HeaderValue},
};

/// Puts them on an answer. What is not said to be kept is kept nowhere.
///
/// `own_certificate`: the connection is under a certificate for the name that the client asked for. Only
/// then may the browser be told to insist on https from now on (RFC 6797): under the fallback certificate
/// that would lock a person out of a name that this gateway does not even serve. For the same reason never for the
/// names below it.
pub fn put(headers: &mut HeaderMap, own_certificate: bool) {
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if own_certificate {
        let insist = HeaderValue::from_static(INSIST);
        headers.insert(header::STRICT_TRANSPORT_SECURITY, insist);
    }
}

const ALWAYS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
         magnetometer=(), microphone=(), midi=(), payment=(), screen-wake-lock=(), usb=()",
    ),
];

/// Nothing that is not a file of ours; nothing inline.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Two years.
const INSIST: &str = "max-age=63072000";
