//! Forms: only what a page of ours sent, from the browser that we sent it to, is read.
//!
//! Each browser has a cookie for its forms, and each form a token: the HMAC, under that cookie, of the session that it is
//! shown in. Another site can neither read the cookie nor set it (its name has the prefix `__Host-`), so it cannot
//! make a token. Nothing of it is stored, any gateway can check it, and it outlives the session cookie's rotation.
//! Pages travel compressed, so a token is masked anew in each: else what an attacker has a page repeat would betray by
//! its length how much of the token he has guessed (BREACH).

use std::time::Duration;

use aws_lc_rs::{
    hmac::{self, HMAC_SHA256},
    rand,
};
use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, Uri, header},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, de::DeserializeOwned};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{problem::Problem, visitor::Visitor};
use crate::code::CodeDigest;

/// A form that a page of ours sent.
pub struct Posted<T>(pub T);

/// A token of a browser's forms in a session, or in none; each time another one.
pub fn token(browser: CodeDigest, session: Option<Uuid>) -> String {
    let mut masked = [0; 2 * TAG];
    let (mask, rest) = masked.split_at_mut(TAG);
    // Without random numbers there is no form: this token is none.
    if rand::fill(mask).is_err() {
        return String::new();
    }
    rest.copy_from_slice(tag(browser, session).as_ref());
    lay_over(rest, mask);
    URL_SAFE_NO_PAD.encode(masked)
}

/// Whether this is one of them.
pub fn is_token(sent: impl AsRef<[u8]>, browser: CodeDigest, session: Option<Uuid>) -> bool {
    let Ok(mut masked) = URL_SAFE_NO_PAD.decode(sent) else {
        return false;
    };
    if masked.len() != 2 * TAG {
        return false;
    }
    let (mask, rest) = masked.split_at_mut(TAG);
    lay_over(rest, mask);
    tag(browser, session).as_ref().ct_eq(rest).into()
}

fn lay_over(bytes: &mut [u8], mask: &[u8]) {
    for (byte, mask) in bytes.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Posted<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Posted<T>, Problem> {
        // Step 1: another site's is not even read.
        came_from_here(request.headers(), request.uri())?;
        is_form(request.headers())?;
        let visitor = request.extensions().get::<Visitor>().cloned();
        let visitor = visitor.ok_or(Problem::Stale)?;
        // Step 2: no longer than a form, and no slower.
        let content = tokio::time::timeout(LONGEST_WAIT, read(request.into_body())).await;
        let content = content.map_err(|_| Problem::TooSlow)??;
        // Step 3: from a page that we showed to this very browser.
        let Token { token } = serde_html_form::from_bytes(&content).map_err(|_| Problem::Stale)?;
        if !is_token(&token, visitor.form, visitor.session_id()) {
            return Err(Problem::Stale);
        }
        // The parser's words may show what was typed.
        let form = serde_html_form::from_bytes(&content).map_err(|_| Problem::Unreadable)?;
        Ok(Posted(form))
    }
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

fn tag(browser: CodeDigest, session: Option<Uuid>) -> hmac::Tag {
    let key = hmac::Key::new(HMAC_SHA256, &browser.to_vec());
    let session = session.map(|id| id.to_string()).unwrap_or_default();
    hmac::sign(&key, format!("chancery form {session}").as_bytes())
}

/// What browsers say of where a form was (Fetch metadata, else RFC 6454). The token is asked for in any case.
///
/// # Errors
/// Where they say that it was on another site's page.
pub fn came_from_here(headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
    let field = |name: &str| {
        let mut fields = headers.get_all(name).iter();
        let first = fields.next().map(|value| value.to_str().unwrap_or("?"));
        // Two are none of a browser's.
        fields.next().map_or(first, |_| Some("?"))
    };
    match field("sec-fetch-site") {
        // "none": the person himself, for example when he sends it again.
        Some("same-origin" | "none") => return Ok(()),
        Some(_) => return Err(Problem::Stale),
        None => {}
    }
    let Some(origin) = field(header::ORIGIN.as_str()) else {
        return Ok(());
    };
    let host = uri.authority().map(|authority| authority.as_str());
    let host = host.or(field(header::HOST.as_str()));
    let here = origin.strip_prefix("https://");
    match here
        .zip(host)
        .is_some_and(|(here, host)| same_host(here, host))
    {
        true => Ok(()),
        false => Err(Problem::Stale),
    }
}

/// A browser leaves the usual port out; others may not.
fn same_host(a: &str, b: &str) -> bool {
    let bare = |host: &str| {
        host.strip_suffix(":443")
            .unwrap_or(host)
            .to_ascii_lowercase()
    };
    bare(a) == bare(b)
}

fn is_form(headers: &HeaderMap) -> Result<(), Problem> {
    let media_type = headers.get(header::CONTENT_TYPE);
    let media_type = media_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    match media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        true => Ok(()),
        false => Err(Problem::NotAForm),
    }
}

async fn read(body: Body) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let whole = Limited::new(body, MOST_BYTES).collect().await;
    let whole = whole.map_err(|e| match e.is::<LengthLimitError>() {
        true => Problem::TooLong,
        false => Problem::Unreadable,
    })?;
    Ok(Zeroizing::new(whole.to_bytes().to_vec()))
}

/// Bytes of HMAC-SHA256.
const TAG: usize = 32;

/// The longest form.
pub const MOST_BYTES: usize = 64 << 10;

/// For the whole form, once its headers are here.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;

    fn check(fields: &[(&'static str, &'static str)]) -> bool {
        let headers = fields
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers = headers.collect::<HeaderMap>();
        came_from_here(&headers, &Uri::from_static("/account")).is_ok()
    }

    #[test]
    fn other_sites_are_told_apart() {
        let host = ("host", "a.example:8443");
        for (fields, ours) in [
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "none")], true),
            // Pages that send no referrer have the origin "null" in all their forms.
            (
                vec![("sec-fetch-site", "same-origin"), ("origin", "null")],
                true,
            ),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://a.example:8443"),
                ],
                false,
            ),
            (vec![("origin", "https://a.example:8443")], true),
            (vec![("origin", "https://A.example:8443")], true),
            (vec![("origin", "https://a.example")], false),
            (vec![("origin", "http://a.example:8443")], false),
            (vec![("origin", "https://evil.example")], false),
            (vec![("origin", "null")], false),
            (vec![], true),
        ] {
            let with_host = fields.iter().copied().chain([host]).collect::<Vec<_>>();
            assert_eq!(check(&with_host), ours, "{fields:?}");
        }
        assert!(check(&[
            ("host", "a.example"),
            ("origin", "https://a.example:443")
        ]));
        assert!(!check(&[
            ("origin", "https://a.example"),
            ("origin", "https://a.example"),
            ("host", "a.example")
        ]));
        assert!(!check(&[("origin", "https://")]));
    }

    #[test]
    fn a_token_is_of_one_browser_and_one_session() {
        let (a, b) = (
            Code::generate().unwrap().digest(),
            Code::generate().unwrap().digest(),
        );
        let session = Some(Uuid::from_u128(7));
        let ours = token(a, session);
        assert!(is_token(&ours, a, session));
        assert!(!is_token(&ours, a, None));
        assert!(!is_token(&ours, a, Some(Uuid::from_u128(8))));
        assert!(!is_token(&ours, b, session));
        for wrong in ["", "ä", "AAAA", &ours[1..], &format!("{ours}AAAA")] {
            assert!(!is_token(wrong, a, session), "{wrong}");
        }
    }

    #[test]
    fn no_two_pages_have_the_same_token() {
        let browser = Code::generate().unwrap().digest();
        let (one, other) = (token(browser, None), token(browser, None));
        assert!(is_token(&one, browser, None) && is_token(&other, browser, None));
        let same = one.bytes().zip(other.bytes()).filter(|(a, b)| a == b);
        assert!(same.count() < one.len() / 4, "{one} {other}");
    }
}
