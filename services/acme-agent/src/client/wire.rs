//! The resources of an order (RFC 8555, sections 7.1.3 to 7.1.6).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Problem, text};

/// An order (section 7.1.3).
#[derive(Debug, Clone, Deserialize)]
pub struct Order {
    /// Where it stands.
    pub status: OrderStatus,
    /// When the CA drops it.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub expires: Option<OffsetDateTime>,
    /// The URL of an authorization for each identifier.
    #[serde(default)]
    pub authorizations: Vec<String>,
    /// Why it is invalid.
    #[serde(default)]
    pub error: Option<Problem>,
    /// Where the certificate request goes.
    pub finalize: String,
    /// Where the certificate is, once it is valid.
    #[serde(default)]
    pub certificate: Option<String>,
    /// The certificate that it replaces: the CA repeats what it took (RFC 9773, section 5).
    #[serde(default, deserialize_with = "text::maybe_at_most::<200, _>")]
    pub replaces: Option<String>,
}

/// Where an order stands (section 7.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    /// Authorizations are missing.
    Pending,
    /// It waits for the certificate request.
    Ready,
    /// The certificate is being made.
    Processing,
    /// The certificate is there.
    Valid,
    /// It has failed for good.
    Invalid,
}

/// Whether the account may have certificates for one identifier (section 7.1.4).
#[derive(Debug, Clone, Deserialize)]
pub struct Authorization {
    /// The identifier.
    pub identifier: Identifier,
    /// Where it stands.
    pub status: AuthorizationStatus,
    /// The ways to prove it; one is enough.
    #[serde(deserialize_with = "text::first::<20, _, _>")]
    pub challenges: Vec<Challenge>,
}

impl Authorization {
    /// The problem of the challenge that failed.
    pub fn problem(&self) -> Option<&Problem> {
        self.challenges.iter().find_map(|c| c.error.as_ref())
    }
}

/// Where an authorization stands (section 7.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorizationStatus {
    /// No challenge has been proved yet.
    Pending,
    /// Proved.
    Valid,
    /// A challenge failed.
    Invalid,
    /// Given up by the account.
    Deactivated,
    /// Too old.
    Expired,
    /// Taken back by the CA.
    Revoked,
}

/// One way to prove control over an identifier (section 7.1.5).
#[derive(Debug, Clone, Deserialize)]
pub struct Challenge {
    /// "http-01", for example.
    #[serde(rename = "type", deserialize_with = "text::at_most::<50, _>")]
    pub kind: String,
    /// Where to say that the answer is in place.
    pub url: String,
    /// Where it stands.
    pub status: ChallengeStatus,
    /// The secretless name of the answer; empty for types that have none.
    #[serde(default)]
    pub token: String,
    /// Why it is invalid.
    #[serde(default)]
    pub error: Option<Problem>,
}

/// Where a challenge stands (section 7.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChallengeStatus {
    /// The CA waits for us.
    Pending,
    /// The CA is looking.
    Processing,
    /// Proved.
    Valid,
    /// Failed.
    Invalid,
}

/// What a certificate is for (section 9.7.7).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identifier {
    /// "dns" or "ip".
    #[serde(rename = "type", deserialize_with = "text::at_most::<50, _>")]
    pub kind: String,
    /// The host name or address; of a wildcard, without the "*.".
    #[serde(deserialize_with = "text::at_most::<255, _>")]
    pub value: String,
}

impl Identifier {
    /// A host name or address (RFC 8738) as an order asks for it.
    pub fn of(name: &str) -> Self {
        let kind = match name.parse::<std::net::IpAddr>() {
            Ok(_) => "ip",
            Err(_) => "dns",
        };
        Self {
            kind: kind.to_owned(),
            value: name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn an_order_of_the_rfc_is_read() {
        let json = r#"{"status":"valid","expires":"2016-01-20T14:09:07.99Z","identifiers":[{"type":"dns","value":"www.example.org"}],
            "notBefore":"2016-01-01T00:00:00Z","authorizations":["https://ca.example/authz/1"],
            "finalize":"https://ca.example/order/1/finalize","certificate":"https://ca.example/cert/1"}"#;
        let order: Order = serde_json::from_str(json).unwrap();
        assert_eq!(order.status, OrderStatus::Valid);
        assert_eq!(order.expires, Some(datetime!(2016-01-20 14:09:07.99 UTC)));
        assert_eq!(order.replaces, None);
        let bare = r#"{"status":"pending","finalize":"f"}"#;
        assert!(
            serde_json::from_str::<Order>(bare)
                .unwrap()
                .expires
                .is_none()
        );
    }

    #[test]
    fn the_problem_of_an_authorization_is_its_failed_challenge() {
        let json = r#"{"identifier":{"type":"dns","value":"a.example"},"status":"invalid","challenges":[
            {"type":"dns-01","url":"u","status":"pending","token":"t"},
            {"type":"http-01","url":"u","status":"invalid","token":"t","error":{"type":"urn:ietf:params:acme:error:connection","detail":"refused"}}]}"#;
        let authorization: Authorization = serde_json::from_str(json).unwrap();
        assert_eq!(authorization.problem().unwrap().kind(), "connection");
    }

    #[test]
    fn problems_within_an_order_or_an_authorization_are_cut_too() {
        let endless = format!(r#"{{"detail":"\u001b{}"}}"#, "x".repeat(100_000));
        let json = format!(r#"{{"status":"invalid","finalize":"f","error":{endless}}}"#);
        let order: Order = serde_json::from_str(&json).unwrap();
        assert_eq!(order.error.unwrap().detail, "x".repeat(4_000));
        let json = format!(
            r#"{{"identifier":{{"type":"dns","value":"\u001ba.example"}},"status":"invalid","challenges":[
            {{"type":"http-01","url":"u","status":"invalid","error":{endless}}}]}}"#
        );
        let authorization: Authorization = serde_json::from_str(&json).unwrap();
        assert_eq!(authorization.problem().unwrap().detail.len(), 4_000);
        assert_eq!(authorization.identifier.value, "a.example");
    }
}
