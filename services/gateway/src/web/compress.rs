//! What a browser understands compressed is sent so (RFC 9110, section 8.4.1.3): pages each time, files once.
//!
//! Only to who brings a session, and only what the gateway itself shows: what a person downloads goes as it is, and so does what is secret in it.

use std::io::Write as _;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{
        HeaderMap, HeaderValue, Method,
        header::{
            ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName,
            VARY as VARIES,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};

use super::{cookie::Cookie, problem::Problem};

/// The headers of what is compressed.
pub const GZIP: [(HeaderName, &str); 2] = [(CONTENT_ENCODING, "gzip"), (VARIES, "accept-encoding")];

/// Those of the same, where it is not.
pub const VARY: [(HeaderName, &str); 1] = [(VARIES, "accept-encoding")];

/// Compresses pages, where the browser understands it.
pub async fn pages(request: Request, next: Next) -> Response {
    // Strangers' pages are small, and show what strangers typed beside what is theirs.
    let known = Cookie::Session.text(request.headers()).is_some();
    let understood = known && is_understood(request.headers());
    let head = request.method() == Method::HEAD;
    let mut response = next.run(request).await;
    if !is_page(response.headers()) {
        return response;
    }
    let headers = response.headers_mut();
    headers.append(VARIES, HeaderValue::from_static("accept-encoding"));
    if !understood {
        return response;
    }
    if head {
        // How long it would be is not known without making it.
        headers.remove(CONTENT_LENGTH);
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let page = match to_bytes(body, usize::MAX).await {
        Ok(page) => page,
        Err(error) => return Problem::broken("reading a page of our own")(error).into_response(),
    };
    parts.headers.remove(CONTENT_LENGTH);
    parts
        .headers
        .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(parts, Body::from(gzip(&page, Compression::new(QUICKLY))))
}

/// As small as it gets.
pub fn well(content: &[u8]) -> Vec<u8> {
    gzip(content, Compression::best())
}

/// Whether a client takes gzip.
pub fn is_understood(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(ACCEPT_ENCODING).iter();
    let codings = fields.filter_map(|field| field.to_str().ok());
    codings.flat_map(|field| field.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let gzip = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        // "gzip;q=0": anything but that.
        let refused = |quality: &str| quality.parse::<f32>().is_ok_and(|quality| quality == 0.0);
        gzip && !parts.any(|part| part.strip_prefix("q=").is_some_and(refused))
    })
}

fn is_page(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE);
    media_type.is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/html"))
}

fn gzip(content: &[u8], how: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(content.len() / 4), how);
    // Writing to memory does not fail.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default()
}

/// Of 9: a page is made in milliseconds, and this is one of them.
const QUICKLY: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (field, takes) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("br", false),
            ("", false),
            ("x-gzip", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, field.parse().unwrap())]);
            assert_eq!(is_understood(&headers), takes, "{field}");
        }
        assert!(!is_understood(&HeaderMap::new()));
    }
}
