//! An ACME client (RFC 8555): it knows the protocol and the network, and nothing of automations.
//!
//! Why not `instant-acme`: its accounts make their own key while they register, and ours must be
//! sealed before the CA hears of it, also where an external account is bound; and it keeps a
//! problem's `Retry-After`, an order's `expires` and the directory's `meta` to itself.
//!
//! A [`Client`] is one CA with its directory and a stock of nonces; an [`Account`] is a client
//! with a key that the CA knows. Both are shared by all orders at that CA.

mod account;
pub mod directory;
pub mod error;
mod holds;
mod jws;
mod link;
mod nonce;
pub mod renewal_info;
mod text;
#[cfg(test)]
pub mod trials;
mod wire;

pub use account::{Account, NewAccount, NewOrder, Standing};
pub use directory::Directory;
pub use error::{Error, Problem};
pub use holds::Holds;
pub use jws::{AccountKey, ExternalAccountKey, KeyError};
pub use wire::{
    Authorization, AuthorizationStatus, Challenge, ChallengeStatus, Identifier, Order, OrderStatus,
};

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use runtime::{Clock, egress};
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use jws::Signer;
use nonce::Nonces;

/// One CA: its directory, the connections to it, and the nonces that it has handed out.
pub struct Client {
    http: egress::Client,
    clock: Clock,
    holds: Arc<Holds>,
    directory_url: String,
    directory: Directory,
    nonces: Nonces,
    ahead: Mutex<Option<time::Duration>>,
}

impl Client {
    /// Fetches the directory (RFC 8555, section 7.1.1).
    ///
    /// # Errors
    /// [`Error::Unreachable`], or [`Error::Unexpected`] where what answers is no ACME directory.
    pub async fn discover(
        http: egress::Client,
        clock: Clock,
        holds: Arc<Holds>,
        directory_url: &str,
    ) -> Result<Arc<Self>, Error> {
        let request = request(Method::GET, directory_url)
            .body(Bytes::new())
            .map_err(|_| Error::unexpected(directory_url, "this is not a URL"))?;
        left_alone(&holds, directory_url, directory_url, clock.now())?;
        let answer = exchange(&http, &clock, request).await?;
        if !answer.status.is_success() {
            // Whatever else it says: what answers so has no directory there.
            let refused = answer.into_status(directory_url);
            heed(&holds, directory_url, &refused, clock.now());
            return Err(refused);
        }
        let directory = serde_json::from_slice(&answer.body)
            .map_err(|_| Error::unexpected(directory_url, "the answer is no ACME directory"))?;
        Ok(Arc::new(Self {
            http,
            clock,
            holds,
            directory_url: directory_url.to_owned(),
            directory,
            nonces: Nonces::default(),
            ahead: Mutex::new(answer.ahead),
        }))
    }

    /// What the CA says about itself.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// How far the CA's clock was ahead of ours (negative: behind) when it last answered, to the second
    /// and the time that an answer takes; `None` where it does not tell the time.
    pub fn ahead(&self) -> Option<time::Duration> {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the CA still wants no orders.
    pub fn takes_orders_in(&self) -> Option<Duration> {
        let endpoint = self.endpoint(&self.directory.new_order);
        self.holds.left(endpoint, self.clock.now())
    }

    /// Asks the CA: every request and every answer goes through here.
    async fn exchange(&self, url: &str, request: Request<Bytes>) -> Result<Answer, Error> {
        left_alone(&self.holds, self.endpoint(url), url, self.clock.now())?;
        let answer = exchange(&self.http, &self.clock, request).await?;
        if answer.ahead.is_some() {
            *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = answer.ahead;
        }
        Ok(answer)
    }

    /// What an answer says that is not a success; the endpoint is left alone for as long as it asks.
    fn refused(&self, url: &str, answer: Answer) -> Error {
        let refused = answer.into_error(url);
        heed(&self.holds, self.endpoint(url), &refused, self.clock.now());
        refused
    }

    /// Which endpoint a URL is: see [`holds`].
    fn endpoint<'a>(&'a self, url: &'a str) -> &'a str {
        let mut all = self.directory.resources().into_iter();
        match &self.directory.renewal_info {
            // Each certificate has a URL there.
            Some(resource) if url.starts_with(resource) => resource,
            _ if all.any(|known| known == url) => url,
            _ => &self.directory_url,
        }
    }

    /// Sends a signed request, once more with a fresh nonce for each `badNonce` (section 6.5).
    async fn post(&self, signer: Signer<'_>, url: &str, payload: &[u8]) -> Result<Answer, Error> {
        let mut tries = NONCE_TRIES;
        loop {
            let nonce = self.nonce().await?;
            let body = jws::sign(signer, url, Some(&nonce), payload)
                .map_err(|_| Error::unexpected(url, "the account key cannot sign"))?;
            let request = request(Method::POST, url)
                .header(header::CONTENT_TYPE, "application/jose+json")
                .body(Bytes::from(body))
                .map_err(|_| Error::unexpected(url, "the CA named something that is not a URL"))?;
            let answer = self.exchange(url, request).await?;
            self.nonces.keep(&answer.headers);
            if answer.status.is_success() {
                return Ok(answer);
            }
            let refused = self.refused(url, answer);
            tries -= 1;
            if !refused.is_bad_nonce() || tries == 0 {
                return Err(refused);
            }
        }
    }

    /// A nonce from an earlier answer, or a new one (section 7.2).
    async fn nonce(&self) -> Result<String, Error> {
        if let Some(nonce) = self.nonces.take() {
            return Ok(nonce);
        }
        let url = &self.directory.new_nonce;
        let request = request(Method::HEAD, url)
            .body(Bytes::new())
            .map_err(|_| Error::unexpected(url, "newNonce is not a URL"))?;
        let answer = self.exchange(url, request).await?;
        if !answer.status.is_success() {
            return Err(self.refused(url, answer));
        }
        nonce::in_headers(&answer.headers)
            .ok_or_else(|| Error::unexpected(url, "newNonce answered without a nonce"))
    }
}

/// What the CA answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    retry_after: Option<Duration>,
    /// How far the CA's clock is ahead of ours.
    ahead: Option<time::Duration>,
}

impl Answer {
    fn json<T: DeserializeOwned>(&self, url: &str) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Error::unexpected(url, "the answer is not what RFC 8555 says"))
    }

    /// The `Location` header: the URL of what was made.
    fn location(&self, url: &str) -> Result<String, Error> {
        let location = self.headers.get(header::LOCATION);
        location
            .and_then(|l| l.to_str().ok())
            .filter(|l| l.len() <= MAX_URL)
            .map(str::to_owned)
            .ok_or_else(|| Error::unexpected(url, "the answer names no location"))
    }

    fn into_error(self, url: &str) -> Error {
        match serde_json::from_slice::<Problem>(&self.body) {
            Ok(problem) => Error::Refused {
                problem: Box::new(problem.with_status(self.status.as_u16())),
                retry_after: self.retry_after,
            },
            // A proxy or an overloaded front end answers HTML; only its status means something.
            Err(_) => self.into_status(url),
        }
    }

    fn into_status(self, url: &str) -> Error {
        Error::Status {
            url: shown(url),
            status: self.status.as_u16(),
            retry_after: self.retry_after,
        }
    }
}

fn request(method: Method, url: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(url)
        .header(header::USER_AGENT, USER_AGENT)
}

/// Whether the endpoint may be asked.
fn left_alone(holds: &Holds, endpoint: &str, url: &str, now: OffsetDateTime) -> Result<(), Error> {
    match holds.left(endpoint, now) {
        None => Ok(()),
        Some(retry_after) => Err(Error::LeftAlone {
            url: shown(url),
            retry_after,
        }),
    }
}

/// Leaves an endpoint alone for as long as it asks with an error.
fn heed(holds: &Holds, endpoint: &str, refused: &Error, now: OffsetDateTime) {
    if let Some(wait) = refused.retry_after().filter(|_| refused.is_overload()) {
        holds.hold(endpoint, now + wait);
    }
}

async fn exchange(
    http: &egress::Client,
    clock: &Clock,
    request: Request<Bytes>,
) -> Result<Answer, Error> {
    let url = request.uri().to_string();
    // RFC 8555, section 6.1.
    if request.uri().scheme_str() != Some("https") {
        return Err(Error::unexpected(&url, "an ACME URL begins with https://"));
    }
    let response = http
        .send(request)
        .await
        .map_err(|source| Error::Unreachable {
            url: shown(&url),
            source,
        })?;
    let (parts, body) = response.into_parts();
    let now = clock.now();
    Ok(Answer {
        status: parts.status,
        retry_after: retry_after(&parts.headers, now),
        ahead: date(&parts.headers, header::DATE).map(|date| date - now),
        headers: parts.headers,
        body,
    })
}

/// A URL as errors name it: most are the CA's own, and need not even be URLs.
fn shown(url: &str) -> String {
    let mut url = url.to_owned();
    text::cut(&mut url, 500);
    url
}

/// `Retry-After` in both of its forms (RFC 9110, section 10.2.3), at most [`LONGEST_WAIT`].
fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = date(headers, header::RETRY_AFTER)?;
            Duration::try_from(at - now).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// A date in a header (RFC 9110, section 5.6.7).
fn date(headers: &HeaderMap, name: header::HeaderName) -> Option<OffsetDateTime> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    let rfc2822 = &time::format_description::well_known::Rfc2822;
    OffsetDateTime::parse(text, rfc2822).ok()
}

/// Who we are, to the CA (section 6.1).
const USER_AGENT: &str = concat!("chancery/", env!("CARGO_PKG_VERSION"));

/// How often a request is signed anew: at a CA that refuses half of all nonces, one request in a
/// million fails.
const NONCE_TRIES: u32 = 20;

/// No CA is believed that asks for a longer wait: the longest limits are counted in weeks.
const LONGEST_WAIT: Duration = Duration::from_secs(7 * 86_400);

/// URLs go into the log: a CA cannot fill it.
const MAX_URL: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn waits(text: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, http::HeaderValue::from_static(text));
        retry_after(&headers, datetime!(2026-01-02 03:04:05 UTC))
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        assert_eq!(waits("7"), Some(Duration::from_secs(7)));
        assert_eq!(
            waits("Fri, 02 Jan 2026 03:05:05 GMT"),
            Some(Duration::from_secs(60))
        );
        assert_eq!(waits("Thu, 01 Jan 2026 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(waits("999999999999"), Some(LONGEST_WAIT));
        assert_eq!(waits("soon"), None);
    }
}
