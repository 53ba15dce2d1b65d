//! What a conversation with a CA ends with when it does not end well.

use std::time::Duration;

use runtime::egress::EgressError;
use serde::Deserialize;

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
            url: url.to_owned(),
            what,
        }
    }

    /// Whether the CA refused with this type of problem, the part after `urn:ietf:params:acme:error:`.
    pub fn is(&self, kind: &str) -> bool {
        matches!(self, Self::Refused { problem, .. } if problem.kind() == kind)
    }

    pub(super) fn is_bad_nonce(&self) -> bool {
        self.is("badNonce")
    }
}

/// A problem document (RFC 7807) as a CA sends it (RFC 8555, section 6.7).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// A URN: "urn:ietf:params:acme:error:rateLimited".
    #[serde(rename = "type", default = "about_blank")]
    pub kind_uri: String,
    /// The CA's explanation.
    #[serde(default)]
    pub detail: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// A problem for each identifier that has one (section 6.7.1).
    #[serde(default)]
    pub subproblems: Vec<Subproblem>,
}

impl Problem {
    /// The part of the type after `urn:ietf:params:acme:error:`; the whole type where it is another.
    pub fn kind(&self) -> &str {
        self.kind_uri.strip_prefix(URN).unwrap_or(&self.kind_uri)
    }

    /// Cut to lengths that the log can bear; a CA is a stranger.
    pub(super) fn bounded(mut self, status: u16) -> Self {
        if self.status == 0 {
            self.status = status;
        }
        cut(&mut self.kind_uri, 200);
        cut(&mut self.detail, 4_000);
        self.subproblems.truncate(100);
        for sub in &mut self.subproblems {
            cut(&mut sub.kind_uri, 200);
            cut(&mut sub.detail, 1_000);
            cut(&mut sub.identifier.value, 255);
        }
        self
    }
}

/// What is wrong with one identifier.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Subproblem {
    /// As in [`Problem::kind_uri`].
    #[serde(rename = "type", default = "about_blank")]
    pub kind_uri: String,
    /// The CA's explanation.
    #[serde(default)]
    pub detail: String,
    /// Whose problem it is.
    #[serde(default)]
    pub identifier: super::Identifier,
}

fn about_blank() -> String {
    // RFC 7807, section 4.2.
    "about:blank".to_owned()
}

/// What a CA says is shown on terminals: what would steer one is left out.
fn cut(text: &mut String, most: usize) {
    text.retain(|c| !c.is_control());
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
    }
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
        assert_eq!(problem.clone().bounded(400), problem);
    }

    #[test]
    fn an_endless_problem_is_cut_and_steers_no_terminal() {
        let endless = Problem {
            detail: format!("\u{1b}{}", "ä".repeat(10_000)),
            ..Problem::default()
        };
        let problem = endless.bounded(500);
        assert_eq!(problem.detail.len(), 4_000);
        assert_eq!(problem.status, 500);
    }
}
