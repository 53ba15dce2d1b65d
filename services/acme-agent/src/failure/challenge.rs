//! Challenges that came to nothing.

use api::acme::v1::{self as proto, Failure, Step};

use super::{failure, problem};
use crate::client::Problem;

/// A challenge, or several, did not convince the CA: what each name's problem is.
pub fn challenges(failed: &[(String, Problem)]) -> Failure {
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
        "dns" => (
            "it could not look up the address of",
            "Add an A or AAAA record that points to this gateway for each of the names, wait until the name servers answer with it, then try again.",
        ),
        "caa" => (
            "a CAA record forbids it to issue for",
            "Allow this CA in the CAA records of the names, or choose a server whose CA they allow, then try again.",
        ),
        "connection" | "tls" => (
            "it could not fetch the answer to its challenge from",
            "Make sure that the names point to this gateway and that port 80 can be reached there from the internet, then try again.",
        ),
        "unauthorized" | "incorrectResponse" => (
            "it got another answer than ours to its challenge from",
            "Make sure that the names point to this gateway and not to another web server, and that nothing in between answers for it on port 80, then try again.",
        ),
        _ => (
            "its challenge failed for",
            "Read the CA's explanation below, mend what it names, then try again.",
        ),
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

fn subproblem((name, problem): &(String, Problem)) -> proto::Subproblem {
    // There may be a hundred of them in one event.
    let detail = &problem.detail[..problem.detail.floor_char_boundary(1_000)];
    proto::Subproblem {
        r#type: problem.kind_uri.clone(),
        detail: detail.to_owned(),
        identifier: name.clone(),
    }
}
