//! Challenges that came to nothing.

use api::acme::v1::{self as proto, ChallengeType, Failure, Step};

use super::{failure, problem};
use crate::client::Problem;

/// A challenge, or several, did not convince the CA: what each name's problem is.
pub fn challenges(failed: &[(String, Problem)], challenge: ChallengeType) -> Failure {
    let names = failed.iter().map(|(name, _)| name.as_str());
    let names = names.collect::<Vec<_>>().join(", ");
    let Some((_, first)) = failed.first() else {
        return failure(
            Step::Authorize,
            "CHALLENGE_FAILED",
            "The CA gave the order up and does not say why.".to_owned(),
            "Try again; if it fails again, ask the CA with the order's URL.",
        );
    };
    let (why, advice) = match first.kind() {
        "caa" => (
            "a CAA record forbids it to issue for",
            "Allow this CA in the CAA records of the names, or choose a server whose CA they allow, then try again.",
        ),
        kind => match challenge {
            ChallengeType::Dns01 => by_record(kind),
            ChallengeType::TlsAlpn01 => by_connection(kind, TLS_ALPN_01),
            ChallengeType::Unspecified | ChallengeType::Http01 => by_connection(kind, HTTP_01),
        },
    };
    let mut problem = problem(first);
    if failed.len() > 1 {
        problem.subproblems = failed.iter().map(subproblem).collect();
    }
    Failure {
        problem: Some(problem),
        ..failure(
            Step::Authorize,
            "CHALLENGE_FAILED",
            format!("The CA did not find proof of control: {why} {names}."),
            advice,
        )
    }
}

/// The sentences of a challenge for which the CA connects to the name: it cannot connect; it gets something else.
type Connection = [&'static str; 2];

const HTTP_01: Connection = [
    "Make sure that the names point to this gateway and that port 80 can be reached there from the internet, then try again.",
    "Make sure that the names point to this gateway and not to another web server, and that nothing in between answers for it on port 80, then try again.",
];

const TLS_ALPN_01: Connection = [
    "Make sure that the names point to this gateway and that port 443 can be reached there from the internet, then try again.",
    "Make sure that the names point to this gateway, and that nothing in between ends TLS on port 443 in its place: TLS-ALPN-01 needs the connection to come through as it is. Otherwise request the certificate with HTTP-01 or DNS-01.",
];

fn by_connection(kind: &str, [unreachable, other]: Connection) -> (&'static str, &'static str) {
    match kind {
        "dns" => (
            "it could not look up the address of",
            "Add an A or AAAA record that points to this gateway for each of the names, wait until the name servers answer with it, then try again.",
        ),
        "connection" | "tls" => (
            "it could not fetch the answer to its challenge from",
            unreachable,
        ),
        "unauthorized" | "incorrectResponse" => (
            "it got another answer than ours to its challenge from",
            other,
        ),
        _ => UNKNOWN,
    }
}

/// The zone's own servers have shown the record before the CA was told.
fn by_record(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "dns" | "connection" => (
            "it could not look up the TXT record of",
            "Make sure that the zones of the names are delegated to name servers that answer from the internet, and that their DNSSEC signatures are right, then try again.",
        ),
        "unauthorized" | "incorrectResponse" => (
            "it saw other TXT records than ours at _acme-challenge of",
            "Make sure that the internet sees the same name servers as this machine does (split DNS), and that no other server answers for the zone, then try again.",
        ),
        _ => UNKNOWN,
    }
}

const UNKNOWN: (&str, &str) = (
    "its challenge failed for",
    "Read the CA's explanation below, mend what it names, then try again.",
);

/// The CA offers no challenge of the type that was asked for.
pub fn challenge_not_offered(name: &str, wanted: &str, offered: &[&str]) -> Failure {
    failure(
        Step::Authorize,
        "CHALLENGE_NOT_OFFERED",
        format!(
            "The CA does not offer the challenge {wanted} for {name}, only: {}.",
            offered.join(", ")
        ),
        "Request the certificate with a challenge that the CA offers.",
    )
}

/// The CA's challenge has a token that no gateway would answer (RFC 8555, section 8.1: base64url).
pub fn odd_token(name: &str) -> Failure {
    failure(
        Step::Authorize,
        "CHALLENGE_UNUSABLE",
        format!("The CA's challenge for {name} has a token that is not base64url."),
        "Tell the CA, and use another server until it is mended.",
    )
}

/// The CA's challenge is for something that no gateway would be asked for.
pub fn odd_identifier(name: &str) -> Failure {
    failure(
        Step::Authorize,
        "CHALLENGE_UNUSABLE",
        format!("The CA's challenge is for {name:?}, which is neither a host name nor an address."),
        "Tell the CA, and use another server until it is mended.",
    )
}

fn subproblem((name, problem): &(String, Problem)) -> proto::Subproblem {
    // There may be a hundred of them in one event.
    let detail = &problem.detail[..problem.detail.floor_char_boundary(1_000)];
    proto::Subproblem {
        r#type: problem.kind_uri.clone(),
        detail: detail.to_owned(),
        identifier: name.clone(),
    }
}
