//! When the CA wants a certificate to be renewed: ACME Renewal Information (RFC 9773).

use std::{fmt, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use bytes::Bytes;
use http::Method;
use pki::Certificate;
use serde::Deserialize;
use time::OffsetDateTime;

use super::{Client, Error, request, text};

/// What a CA calls a certificate (section 4.1): `base64url(AKI keyIdentifier).base64url(serial)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CertId(String);

impl CertId {
    /// The certificate's; `None` where it does not name its issuer's key.
    pub fn of(certificate: &Certificate) -> Option<Self> {
        let issuer = certificate.authority_key_id()?;
        let serial = certificate.serial_octets();
        let (issuer, serial) = (BASE64URL.encode(issuer), BASE64URL.encode(serial));
        Some(Self(format!("{issuer}.{serial}")))
    }

    /// As it stands in URLs and orders.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The CA's answer about one certificate (section 4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalInfo {
    /// The best time to renew begins.
    pub start: OffsetDateTime,
    /// It ends; always later than it begins. Both may have passed.
    pub end: OffsetDateTime,
    /// Where the CA explains its window to people.
    pub explanation_url: Option<String>,
    /// When to ask again, between 1 minute and 1 day; `None` where the CA does not say.
    pub retry_after: Option<Duration>,
}

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum RenewalInfoError {
    /// The CA's directory has no such resource.
    #[error("the CA gives no renewal information")]
    NotOffered,
    /// The CA knows nothing of this certificate: it is another's, or the CA has forgotten it.
    #[error("the CA does not know the certificate")]
    Unknown {
        /// When to ask again, as in [`RenewalInfo::retry_after`].
        retry_after: Option<Duration>,
    },
    /// An answer that names no window, or one that ends before it begins: as if there were none (section 4.2).
    #[error("the CA's renewal information cannot be used: {what}")]
    Unusable {
        /// What is wrong with it.
        what: &'static str,
        /// When to ask again, as in [`RenewalInfo::retry_after`].
        retry_after: Option<Duration>,
    },
    /// The CA did not answer, or is in trouble.
    #[error("the CA did not answer about the renewal")]
    Ca(#[source] Error),
}

impl RenewalInfoError {
    /// When to ask again, where the CA says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotOffered => None,
            Self::Unknown { retry_after } | Self::Unusable { retry_after, .. } => *retry_after,
            Self::Ca(error) => error.retry_after().map(clamp),
        }
    }
}

impl Client {
    /// Asks when to renew a certificate. Nothing is signed: anybody may ask.
    ///
    /// # Errors
    /// See [`RenewalInfoError`]; none of them is a reason not to renew.
    pub async fn renewal_info(&self, id: &CertId) -> Result<RenewalInfo, RenewalInfoError> {
        let Some(resource) = &self.directory.renewal_info else {
            return Err(RenewalInfoError::NotOffered);
        };
        let url = format!("{}/{id}", resource.trim_end_matches('/'));
        let question = request(Method::GET, &url).body(Bytes::new());
        let question = question.map_err(|_| Error::unexpected(&url, "renewalInfo is not a URL"));
        let question = question.map_err(RenewalInfoError::Ca)?;
        let answer = self.exchange(&url, question).await;
        let answer = answer.map_err(RenewalInfoError::Ca)?;
        let retry_after = answer.retry_after.map(clamp);
        match answer.status.as_u16() {
            200..300 => {}
            429 => return Err(RenewalInfoError::Ca(self.refused(&url, answer))),
            // Some say 404, and some that the id is malformed, as it names no issuer of theirs.
            400..500 => return Err(RenewalInfoError::Unknown { retry_after }),
            _ => return Err(RenewalInfoError::Ca(self.refused(&url, answer))),
        }
        read(&answer.body, retry_after)
    }
}

fn read(body: &[u8], retry_after: Option<Duration>) -> Result<RenewalInfo, RenewalInfoError> {
    let unusable = |what| RenewalInfoError::Unusable { what, retry_after };
    let resource = serde_json::from_slice::<Resource>(body);
    let resource = resource.map_err(|_| unusable("it names no window"))?;
    let Window { start, end } = resource.suggested_window;
    if end <= start {
        return Err(unusable("its window ends before it begins"));
    }
    let mut explanation_url = resource.explanation_url;
    if let Some(url) = &mut explanation_url {
        text::cut(url, 500);
    }
    Ok(RenewalInfo {
        start,
        end,
        // It becomes a link, and a CA is a stranger.
        explanation_url: explanation_url.filter(|url| url.starts_with("https://")),
        retry_after,
    })
}

/// A CA that wants to be asked every second, or never again, is not believed (section 4.3.2).
fn clamp(retry_after: Duration) -> Duration {
    retry_after.clamp(SHORTEST_WAIT, LONGEST_WAIT)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    suggested_window: Window,
    #[serde(default, rename = "explanationURL")]
    explanation_url: Option<String>,
}

#[derive(Deserialize)]
struct Window {
    #[serde(with = "time::serde::rfc3339")]
    start: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    end: OffsetDateTime,
}

const SHORTEST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_certificate_of_the_rfc_has_the_id_of_the_rfc() {
        let chain = pki::parse_pem_chain(RFC_9773_APPENDIX_A).unwrap();
        let id = CertId::of(&chain[0]).unwrap();
        assert_eq!(id.as_str(), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
    }

    #[test]
    fn a_window_is_read_and_one_that_ends_before_it_begins_is_none() {
        let window = |start: &str, end: &str| {
            let json = format!(
                r#"{{"suggestedWindow":{{"start":"{start}","end":"{end}"}},"explanationURL":"https://ca.example/why"}}"#
            );
            read(json.as_bytes(), Some(SHORTEST_WAIT))
        };
        let info = window("2025-01-02T04:00:00Z", "2025-01-03T04:00:00Z").unwrap();
        assert_eq!(info.start, datetime!(2025-01-02 04:00 UTC));
        assert_eq!(
            info.explanation_url.as_deref(),
            Some("https://ca.example/why")
        );
        for end in ["2025-01-02T04:00:00Z", "2025-01-01T04:00:00Z"] {
            let none = window("2025-01-02T04:00:00Z", end).unwrap_err();
            assert!(matches!(none, RenewalInfoError::Unusable { .. }));
            assert_eq!(none.retry_after(), Some(SHORTEST_WAIT));
        }
        for garbage in ["", "{}", "<html>", r#"{"suggestedWindow":null}"#] {
            let none = read(garbage.as_bytes(), None).unwrap_err();
            assert!(matches!(none, RenewalInfoError::Unusable { .. }));
        }
    }

    #[test]
    fn an_explanation_is_a_link_that_can_be_shown() {
        let explained = |url: &str| {
            let json = serde_json::json!({
                "suggestedWindow": {"start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00Z"},
                "explanationURL": url,
            });
            let info = read(json.to_string().as_bytes(), None).unwrap();
            info.explanation_url
        };
        assert_eq!(explained("javascript:alert(1)"), None);
        let endless = format!("https://ca.example/{}", "x".repeat(10_000));
        assert_eq!(explained(&endless).unwrap().len(), 500);
    }

    #[test]
    fn waits_are_between_a_minute_and_a_day() {
        assert_eq!(clamp(Duration::ZERO), Duration::from_secs(60));
        assert_eq!(clamp(Duration::from_secs(7_200)).as_secs(), 7_200);
        assert_eq!(clamp(Duration::MAX), Duration::from_secs(86_400));
    }

    /// As the RFC prints it.
    const RFC_9773_APPENDIX_A: &str = include_str!("rfc9773.pem");
}
