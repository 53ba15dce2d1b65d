//! What a conversation with a CA ends with when it does not end well.

use std::time::Duration;

use runtime::egress::EgressError;
use serde::Deserialize;

use super::text;

/// Why a CA did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request did not get there, or the answer not back.
    #[error("no answer from {url}")]
    Unreachable {
        /// What was to be reached.
        url: String,
        /// Why not.
        #[source]
        source: EgressError,
    },
    /// The CA said no, and why.
    #[error("the CA refused: {}", problem.detail)]
    Refused {
        /// Its own words.
        problem: Box<Problem>,
        /// When it may be asked again.
        retry_after: Option<Duration>,
    },
    /// An error without a problem document: something before the CA answered.
    #[error("{url} answered with status {status}")]
    Status {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// When it may be asked again.
        retry_after: Option<Duration>,
    },
    /// The CA has asked to be left alone there, and was not asked again.
    #[error("the CA wants {url} to be left alone for {} s", retry_after.as_secs())]
    LeftAlone {
        /// What was to be asked.
        url: String,
        /// For how long from now.
        retry_after: Duration,
    },
    /// An answer that RFC 8555 does not know.
    #[error("{url}: {what}")]
    Unexpected {
        /// What was asked.
        url: String,
        /// What is odd about the answer.
        what: &'static str,
    },
}

impl Error {
    pub(super) fn unexpected(url: &str, what: &'static str) -> Self {
        Self::Unexpected {
            url: super::shown(url),
            what,
        }
    }

    /// Whether the CA refused with this type of problem, the part after `urn:ietf:params:acme:error:`.
    pub fn is(&self, kind: &str) -> bool {
        matches!(self, Self::Refused { problem, .. } if problem.kind() == kind)
    }

    /// When the CA may be asked again, where it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } | Self::Status { retry_after, .. } => *retry_after,
            Self::LeftAlone { retry_after, .. } => Some(*retry_after),
            Self::Unreachable { .. } | Self::Unexpected { .. } => None,
        }
    }

    /// Whether the CA has too much to do, or has had enough of us: everybody is to leave that endpoint
    /// alone, and not just who asked for these names.
    pub(super) fn is_overload(&self) -> bool {
        match self {
            Self::Refused { problem, .. } => match problem.status {
                429 => !problem.is_about_names(),
                status => status >= 500,
            },
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            Self::Unreachable { .. } | Self::LeftAlone { .. } | Self::Unexpected { .. } => false,
        }
    }

    /// Whether it is sure that the CA did not do what was asked: it said so, and not that it is in trouble.
    pub fn nothing_happened(&self) -> bool {
        matches!(self, Self::Refused { problem, .. } if problem.status < 500)
    }

    /// Without these words, where the CA repeats them.
    pub fn without(mut self, words: &[String]) -> Self {
        if let Self::Refused { problem, .. } = &mut self {
            let details = problem.subproblems.iter_mut().map(|sub| &mut sub.detail);
            for detail in details.chain([&mut problem.detail]) {
                for word in words {
                    *detail = detail.replace(word, "…");
                }
            }
        }
        self
    }

    pub(super) fn is_bad_nonce(&self) -> bool {
        self.is("badNonce")
    }
}

/// A problem document (RFC 7807) as a CA sends it (RFC 8555, section 6.7), cut to lengths that the log
/// can bear wherever it stands in an answer; a CA is a stranger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// A URN: "urn:ietf:params:acme:error:rateLimited".
    #[serde(
        rename = "type",
        default = "about_blank",
        deserialize_with = "text::at_most::<200, _>"
    )]
    pub kind_uri: String,
    /// The CA's explanation.
    #[serde(default, deserialize_with = "text::at_most::<4_000, _>")]
    pub detail: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// A problem for each identifier that has one (section 6.7.1).
    #[serde(default, deserialize_with = "text::first::<100, _, _>")]
    pub subproblems: Vec<Subproblem>,
}

impl Problem {
    /// The part of the type after `urn:ietf:params:acme:error:`; the whole type where it is another.
    pub fn kind(&self) -> &str {
        self.kind_uri.strip_prefix(URN).unwrap_or(&self.kind_uri)
    }

    /// Whether a limit is one on names, as far as the CA's words tell: Let's Encrypt writes of the
    /// "exact set of identifiers", or puts the name between quotes.
    fn is_about_names(&self) -> bool {
        let detail = &self.detail;
        !self.subproblems.is_empty()
            || detail.contains("exact set of")
            || detail.matches('"').count() >= 2
    }

    /// With the answer's own status, where the document names none.
    pub(super) fn with_status(mut self, status: u16) -> Self {
        if self.status == 0 {
            self.status = status;
        }
        self
    }
}

/// What is wrong with one identifier.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Subproblem {
    /// As in [`Problem::kind_uri`].
    #[serde(
        rename = "type",
        default = "about_blank",
        deserialize_with = "text::at_most::<200, _>"
    )]
    pub kind_uri: String,
    /// The CA's explanation.
    #[serde(default, deserialize_with = "text::at_most::<1_000, _>")]
    pub detail: String,
    /// Whose problem it is.
    #[serde(default)]
    pub identifier: super::Identifier,
}

fn about_blank() -> String {
    // RFC 7807, section 4.2.
    "about:blank".to_owned()
}

const URN: &str = "urn:ietf:params:acme:error:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_kept_whole() {
        let json = r#"{"type":"urn:ietf:params:acme:error:malformed","detail":"Some of the identifiers requested were rejected","status":403,
            "subproblems":[{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"on a block list","identifier":{"type":"dns","value":"blocked.example"}}]}"#;
        let problem: Problem = serde_json::from_str(json).unwrap();
        assert_eq!(problem.kind(), "malformed");
        assert_eq!(problem.subproblems[0].identifier.value, "blocked.example");
        assert_eq!(problem.clone().with_status(400), problem);
    }

    #[test]
    fn an_endless_problem_is_cut_and_steers_no_terminal() {
        let part = r#"{"detail":"\u001bno","identifier":{"type":"dns","value":"\u001ba.example"}}"#;
        let json = format!(
            r#"{{"detail":"\u001b{}","subproblems":[{}]}}"#,
            "ä".repeat(10_000),
            vec![part; 1_000].join(",")
        );
        let problem: Problem = serde_json::from_str(&json).unwrap();
        assert_eq!(problem.detail.len(), 4_000);
        assert_eq!(problem.subproblems.len(), 100);
        assert_eq!(problem.subproblems[0].detail, "no");
        assert_eq!(problem.subproblems[0].identifier.value, "a.example");
        assert_eq!(problem.kind(), "about:blank");
        assert_eq!(problem.with_status(500).status, 500);
    }

    #[test]
    fn only_a_refusal_is_sure_to_have_done_nothing() {
        let refused = |status| Error::Refused {
            problem: Box::new(Problem::default().with_status(status)),
            retry_after: None,
        };
        assert!(refused(403).nothing_happened());
        assert!(!refused(500).nothing_happened());
        assert!(!Error::unexpected("https://ca.example", "it is odd").nothing_happened());
    }

    #[test]
    fn a_limit_on_names_is_not_one_on_everybody() {
        let limited = |detail: &str, status| Error::Refused {
            problem: Box::new(Problem {
                detail: detail.to_owned(),
                status,
                ..Problem::default()
            }),
            retry_after: None,
        };
        for about_names in [
            "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s",
            r#"too many certificates (50) already issued for "example.com" in the last 168h0m0s"#,
            r#"too many failed authorizations (5) for "www.example.com" in the last 1h0m0s"#,
        ] {
            assert!(!limited(about_names, 429).is_overload(), "{about_names}");
        }
        let orders = "too many new orders (300) from this account in the last 3h0m0s";
        assert!(limited(orders, 429).is_overload());
        assert!(limited("Service busy; retry later.", 503).is_overload());
        assert!(!limited("no", 403).is_overload());
    }

    #[test]
    fn an_address_that_the_ca_repeats_is_taken_out() {
        let json = r#"{"detail":"ops@example.com is odd","subproblems":[
            {"detail":"ops@example.com","identifier":{"type":"dns","value":"a.example"}}]}"#;
        let error = Error::Refused {
            problem: serde_json::from_str(json).unwrap(),
            retry_after: None,
        };
        let text = format!("{:?}", error.without(&["ops@example.com".to_owned()]));
        assert!(text.contains("… is odd") && !text.contains('@'), "{text}");
    }

    #[test]
    fn what_is_no_url_is_not_repeated_whole() {
        let error = Error::unexpected(&format!("\u{1b}{}", "x".repeat(10_000)), "it is odd");
        assert_eq!(error.to_string().len(), 500 + ": it is odd".len());
    }
}
