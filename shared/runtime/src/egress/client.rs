//! One client: bounded in size and time, following nobody elsewhere.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response, header::LOCATION};
use reqwest::{Url, redirect::Policy};
use url::Host;

use super::{EgressError, address::Rules, resolve::Resolver};

/// Asks servers on the internet. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    rules: Arc<Rules>,
}

impl Client {
    pub(super) fn new(
        rules: Arc<Rules>,
        trusted_roots_der: &[impl AsRef<[u8]>],
    ) -> Result<Self, EgressError> {
        let wrong = |error: &dyn std::error::Error| EgressError::Roots {
            reason: error.to_string(),
        };
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("chancery/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Resolver {
                rules: rules.clone(),
            })
            .redirect(Policy::none())
            .referer(false)
            // A proxy would resolve the name in our place.
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT);
        if !trusted_roots_der.is_empty() {
            let roots = trusted_roots_der.iter();
            let roots = roots.map(|der| reqwest::Certificate::from_der(der.as_ref()));
            let roots = roots
                .collect::<Result<Vec<_>, _>>()
                .map_err(|e| wrong(&e))?;
            builder = builder.tls_certs_only(roots);
        }
        let http = builder.build().map_err(|e| wrong(&e))?;
        Ok(Self { http, rules })
    }

    /// Asks for what is at a URL.
    ///
    /// # Errors
    /// See [`EgressError`]; any status is an answer.
    pub async fn get(&self, url: &str) -> Result<Response<Bytes>, EgressError> {
        self.exchange(Method::GET, url, HeaderMap::new(), Bytes::new())
            .await
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// See [`EgressError`]; any status is an answer.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, EgressError> {
        let (parts, body) = request.into_parts();
        self.exchange(parts.method, &parts.uri.to_string(), parts.headers, body)
            .await
    }

    async fn exchange(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, EgressError> {
        let url = parse(url)?;
        let host = host_of(&url);
        let exchange = self.follow(method, url, &host, headers, body);
        match tokio::time::timeout(TIMEOUT, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(EgressError::TimedOut {
                host,
                after: TIMEOUT,
            }),
        }
    }

    /// Follows redirects within one origin, and those of questions only: a command is not sent twice.
    async fn follow(
        &self,
        method: Method,
        mut url: Url,
        host: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, EgressError> {
        for _ in 0..=MAX_REDIRECTS {
            self.check(&url, host)?;
            let request = self.http.request(method.clone(), url.clone());
            let request = request.headers(headers.clone()).body(body.clone());
            let answer = request.send().await;
            let answer =
                answer.map_err(|error| EgressError::sort(host, &error, CONNECT_TIMEOUT))?;
            let location = answer
                .headers()
                .get(LOCATION)
                .filter(|_| answer.status().is_redirection());
            let Some(location) = location else {
                return read(answer, host).await;
            };
            let to = location
                .to_str()
                .ok()
                .and_then(|location| url.join(location).ok());
            let followed = to
                .clone()
                .filter(|to| to.origin() == url.origin() && method.is_safe());
            url = followed.ok_or_else(|| EgressError::Redirected {
                host: host.into(),
                to: to.map_or_else(|| "nowhere".into(), |to| origin(&to)),
            })?;
        }
        Err(EgressError::Redirected {
            host: host.into(),
            to: "itself, again and again".into(),
        })
    }

    /// A literal address is not resolved, so the resolver never sees it: it is checked here.
    fn check(&self, url: &Url, host: &str) -> Result<(), EgressError> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        match self.rules.refusal(address) {
            Some(kind) => Err(EgressError::Refused {
                host: host.into(),
                address,
                kind,
            }),
            None => Ok(()),
        }
    }
}

/// A URL that can be asked.
pub(super) fn parse(text: &str) -> Result<Url, EgressError> {
    // Past any `@`: what stands before it may be a password.
    let tail = text.rsplit_once('@').map_or(text, |(_, tail)| tail);
    let url = Url::parse(text).map_err(|error| wrong(tail, &error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        // Shown without them: an error is read by more people than a password is meant for.
        let shown = url.origin().ascii_serialization();
        return Err(wrong(&shown, "it must not carry a user name or password"));
    }
    if url.host_str().is_some_and(|host| host.len() > MAX_HOST) {
        return Err(wrong(text, "no host name is that long"));
    }
    match url.scheme() {
        "https" | "http" => Ok(url),
        _ => Err(wrong(text, "it must begin with https:// or http://")),
    }
}

/// Without path and query: they may carry what is not ours to repeat.
fn origin(url: &Url) -> String {
    let origin = url.origin().ascii_serialization();
    origin.chars().take(MAX_SHOWN).collect()
}

/// What is wrong with a URL, which is shown as far as an error may be long.
pub(super) fn wrong(url: &str, reason: &str) -> EgressError {
    EgressError::Url {
        url: url.chars().take(MAX_SHOWN).collect(),
        reason: reason.into(),
    }
}

/// Its host, as errors name it.
pub(super) fn host_of(url: &Url) -> String {
    // http and https URLs always have one.
    url.host_str().unwrap_or_default().into()
}

async fn read(mut answer: reqwest::Response, host: &str) -> Result<Response<Bytes>, EgressError> {
    let too_large = || EgressError::TooLarge {
        host: host.into(),
        limit: MAX_BODY,
    };
    let mut body = BytesMut::new();
    let chunk = async |answer: &mut reqwest::Response| {
        let chunk = answer.chunk().await;
        chunk.map_err(|error| EgressError::sort(host, &error, TIMEOUT))
    };
    while let Some(chunk) = chunk(&mut answer).await? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(body.freeze());
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}

/// How long it may take to be connected.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the whole exchange may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest answer, in bytes: a chain of certificates is a few thousand.
const MAX_BODY: usize = 1024 * 1024;

/// How much of a URL an error repeats, in characters.
const MAX_SHOWN: usize = 200;

/// The longest name in the DNS, in characters, with its final dot.
const MAX_HOST: usize = 254;

const MAX_REDIRECTS: usize = 3;
