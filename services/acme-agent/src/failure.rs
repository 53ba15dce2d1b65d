//! Why something with a CA failed, in words that a person can act on.
//!
//! [`explain`] is the one place where a CA's answer becomes a reason, a sentence and an advice.

mod challenge;
mod dns;
mod network;
mod refusal;

pub use challenge::{challenge_not_offered, challenges, odd_identifier, odd_token};
pub use dns::{dns01, not_shown};
pub use network::roots;
pub use refusal::registration;

use api::acme::v1::{self as proto, Failure, Step};

use runtime::EgressError;

use crate::client::{Error, Problem};

/// What the failure is about: what its sentences name.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The server's directory.
    pub directory_url: &'a str,
    /// The host names of the order; empty for an account.
    pub names: &'a [String],
}

/// The failure that a step ends in after this error.
pub fn explain(step: Step, error: &Error, about: About<'_>) -> Failure {
    match error {
        Error::Unreachable { url, source } => network::unreachable(step, url, source),
        Error::Refused {
            problem,
            retry_after,
        } => refusal::refused(step, problem, *retry_after, about),
        Error::Status { url, status, .. } => {
            let (reason, advice) = match status {
                404 if step != Step::Connect => (ORDER_GONE, TRY_ANEW),
                429 | 500.. => (
                    "SERVER_ERROR",
                    "The server seems to be in trouble; try again later.",
                ),
                _ => (
                    "NOT_AN_ACME_SERVER",
                    "Check the directory's URL: nothing of ACME is there.",
                ),
            };
            let message = format!("{url} answered with HTTP status {status} and no explanation.");
            failure(step, reason, message, advice)
        }
        Error::LeftAlone { url, retry_after } => failure(
            step,
            "RATE_LIMITED",
            format!(
                "The CA has asked to be left alone at {url}, for {} seconds more.",
                retry_after.as_secs()
            ),
            "Wait as long as the CA says, then try again; the page on its rate limits tells what counts.",
        ),
        Error::Unexpected { url, what } => failure(
            step,
            "NOT_AN_ACME_SERVER",
            format!("{url} does not speak ACME (RFC 8555): {what}."),
            "Check the directory's URL; the CA's documentation names it.",
        ),
    }
}

/// The failure of reading a directory.
pub fn directory(error: &Error, about: About<'_>) -> Failure {
    let explained = explain(Step::Connect, error, about);
    let something_answered = match error {
        Error::Unexpected { .. } => true,
        Error::Status { status, .. } => *status < 500 && *status != 429,
        Error::Unreachable { source, .. } => matches!(
            source,
            EgressError::TooLarge { .. } | EgressError::Redirected { .. }
        ),
        Error::Refused { .. } | Error::LeftAlone { .. } => false,
    };
    if !something_answered {
        return explained;
    }
    let message = &explained.message;
    Failure {
        message: format!("This address answers, but not as an ACME directory. {message}"),
        ..explained
    }
}

/// The CA neither granted nor refused the order in time.
pub fn too_slow(step: Step, seconds: u64) -> Failure {
    failure(
        step,
        "ORDER_TIMED_OUT",
        format!("The CA did not finish the order within {seconds} seconds."),
        "Try again later; if the CA is always this slow, raise order_seconds in [acme_agent].",
    )
}

/// What was downloaded is not what was ordered.
pub fn wrong_certificate(what: &str) -> Failure {
    failure(
        Step::Download,
        "WRONG_CERTIFICATE",
        format!("What the CA issued cannot be used: {what}."),
        "Try again; if it comes again, tell the CA.",
    )
}

/// The keystore refused, for good.
pub fn keystore(step: Step, message: &str) -> Failure {
    failure(
        step,
        "KEYSTORE_REFUSED",
        format!("The keystore refused: {message}."),
        "Mend what it names, then try again.",
    )
}

/// The log does not hold the server that the certificate was requested from.
pub fn server_gone(id: &str) -> Failure {
    failure(
        Step::Connect,
        "SERVER_NOT_FOUND",
        format!("There is no server {id} to get the certificate from."),
        "Request the certificate from a server that is registered.",
    )
}

/// The sealed account key cannot be used.
pub fn account_key(message: &str) -> Failure {
    failure(
        Step::Connect,
        "ACCOUNT_KEY_UNUSABLE",
        format!("The key of the account at this server cannot be used: {message}."),
        "Restore the keystore from its backup, or register the server again under another name.",
    )
}

/// A CA's document as it stands in events.
fn problem(problem: &Problem) -> proto::Problem {
    let subproblems = problem.subproblems.iter().map(|sub| proto::Subproblem {
        r#type: sub.kind_uri.clone(),
        detail: sub.detail.clone(),
        identifier: sub.identifier.value.clone(),
    });
    proto::Problem {
        r#type: problem.kind_uri.clone(),
        detail: problem.detail.clone(),
        status: problem.status.into(),
        subproblems: subproblems.collect(),
    }
}

/// A sentence, and what the CA says to it in its own.
fn said(sentence: String, problem: &Problem) -> String {
    let detail = problem.detail.trim();
    match detail.chars().next_back() {
        None => sentence,
        Some('.' | '!' | '?') => format!("{sentence} It says: {detail}"),
        Some(_) => format!("{sentence} It says: {detail}."),
    }
}

fn failure(step: Step, reason: &str, message: String, advice: &str) -> Failure {
    Failure {
        step: step.into(),
        reason: reason.to_owned(),
        message,
        advice: advice.to_owned(),
        problem: None,
    }
}

/// The CA does not know the order any more.
const ORDER_GONE: &str = "ORDER_GONE";
const TRY_ANEW: &str = "Try again: a new order is placed.";

#[cfg(test)]
mod tests;
