//! Why something with a CA failed, in words that a person can act on.
//!
//! [`explain`] is the one place where a CA's answer becomes a reason, a sentence and an advice.

use api::acme::v1::{self as proto, Failure, Step};
use runtime::egress::EgressError;

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
        Error::Unreachable { url, source } => unreachable(step, url, source),
        Error::Refused { problem, .. } => refused(step, problem, about),
        Error::Status { url, status, .. } => {
            let (reason, advice) = if *status == 429 || *status >= 500 {
                let advice = "The server seems to be in trouble; try again later.";
                ("SERVER_ERROR", advice)
            } else {
                let advice = "Check the directory's URL: nothing of ACME is there.";
                ("NOT_AN_ACME_SERVER", advice)
            };
            let message = format!("{url} answered with HTTP status {status} and no explanation.");
            failure(step, reason, message, advice)
        }
        Error::Unexpected { url, what } => failure(
            step,
            "NOT_AN_ACME_SERVER",
            format!("{url} does not speak ACME (RFC 8555): {what}."),
            "Check the directory's URL; the CA's documentation names it.",
        ),
    }
}

/// The failure of making an account; `bound`: with an external account.
pub fn registration(error: &Error, about: About<'_>, bound: bool) -> Failure {
    let failure = explain(Step::Connect, error, about);
    // CAs say "unauthorized", "malformed" or worse when the binding is what they do not like.
    let about_binding = [
        "ACCOUNT_REFUSED",
        "ACCOUNT_GONE",
        "EAB_REQUIRED",
        "CA_REFUSED",
    ];
    if !bound || !about_binding.contains(&failure.reason.as_str()) {
        return failure;
    }
    let Error::Refused {
        problem: refusal, ..
    } = error
    else {
        return failure;
    };
    Failure {
        problem: Some(problem(refusal)),
        ..self::failure(
            Step::Connect,
            "EAB_REFUSED",
            format!(
                "The CA does not accept the external account binding. It says: {}",
                refusal.detail
            ),
            "Copy the key id and the HMAC key from the CA's web site once more: both belong together, and most can be used once.",
        )
    }
}

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

fn unreachable(step: Step, url: &str, source: &EgressError) -> Failure {
    let (reason, advice) = egress(source);
    failure(
        step,
        reason,
        format!("There is no answer from {url}: {source}."),
        advice,
    )
}

fn egress(error: &EgressError) -> (&'static str, &'static str) {
    match error {
        EgressError::Url { .. } => (
            "NOT_AN_ACME_SERVER",
            "Check the directory's URL; the CA's documentation names it.",
        ),
        EgressError::Refused { .. } => (
            "ADDRESS_NOT_ALLOWED",
            "If the server is your own, name its network in [egress] allow of chancery.toml, and start again.",
        ),
        EgressError::Unresolved { .. } => (
            "DIRECTORY_UNREACHABLE",
            "Check the spelling of the server's host name, and that this machine's name server answers.",
        ),
        EgressError::Unreachable { .. } | EgressError::TimedOut { .. } => (
            "DIRECTORY_UNREACHABLE",
            "Check the server's URL, and that a firewall lets this machine connect to it; then try again.",
        ),
        EgressError::Untrusted { .. } => (
            "SERVER_NOT_TRUSTED",
            "If the server is a private CA, give its root certificates as trusted roots; else somebody stands in between.",
        ),
        EgressError::Roots { .. } => (
            "ROOTS_UNUSABLE",
            "Register the server with root certificates in PEM, or with none for the public ones.",
        ),
        EgressError::TooLarge { .. }
        | EgressError::Redirected { .. }
        | EgressError::NotAcme { .. } => (
            "NOT_AN_ACME_SERVER",
            "Check the server's URL: something else than an ACME server answers there.",
        ),
    }
}

/// The trusted roots of a server cannot be used.
pub fn roots(error: &EgressError) -> Failure {
    let (reason, advice) = egress(error);
    failure(
        Step::Connect,
        reason,
        format!("No connection can be made: {error}."),
        advice,
    )
}

fn refused(step: Step, refusal: &Problem, about: About<'_>) -> Failure {
    let names = if refusal.subproblems.is_empty() {
        about.names.join(", ")
    } else {
        let ids = refusal
            .subproblems
            .iter()
            .map(|s| s.identifier.value.as_str());
        ids.collect::<Vec<_>>().join(", ")
    };
    let kind = match (refusal.kind(), refusal.subproblems.first()) {
        // The whole is often "malformed", and the parts say why.
        ("malformed" | "compound", Some(part)) => kind_of(&part.kind_uri),
        (kind, _) => kind,
    };
    let (reason, what, advice) = match kind {
        "rejectedIdentifier" | "unsupportedIdentifier" => (
            "NAME_REJECTED",
            format!("The CA does not issue for {names}."),
            "Check the spelling of the names; a CA issues for public host names that it does not block. Else use another server.",
        ),
        "rateLimited" => (
            "RATE_LIMITED",
            "The CA's rate limit is used up.".to_owned(),
            "Wait until the time that the CA names, then try again; its rate limits page says what counts.",
        ),
        "caa" => (
            "CAA_FORBIDS",
            format!("A CAA record forbids this CA to issue for {names}."),
            "Allow this CA in the CAA records of the names, or choose another server.",
        ),
        "dns" => (
            "DNS_FAILED",
            format!("The CA could not look up {names}."),
            "Check the DNS records of the names and that their name servers answer, then try again.",
        ),
        "externalAccountRequired" => (
            "EAB_REQUIRED",
            "The CA binds accounts to one on its web site.".to_owned(),
            "Get an EAB key id and HMAC key on the CA's web site, and give them with the registration.",
        ),
        "unauthorized" | "malformed" if step == Step::Connect => (
            "ACCOUNT_REFUSED",
            format!("{} refused the account.", about.directory_url),
            "Read the CA's explanation; an account that the CA has closed needs to be registered anew.",
        ),
        "userActionRequired" => (
            "TERMS_CHANGED",
            "The CA wants its terms of service to be agreed to again.".to_owned(),
            "Open the page that the CA names, agree there, then try again.",
        ),
        "accountDoesNotExist" => (
            "ACCOUNT_GONE",
            "The CA does not know our account.".to_owned(),
            "Register the server again.",
        ),
        "invalidContact" | "unsupportedContact" => (
            "CONTACT_REFUSED",
            "The CA does not take the contact addresses.".to_owned(),
            "Give e-mail addresses of a domain that receives mail, or none.",
        ),
        "invalidProfile" => (
            "PROFILE_UNKNOWN",
            "The CA does not know the certificate profile.".to_owned(),
            "Choose one of the profiles that the server lists, or none.",
        ),
        "badPublicKey" => (
            "KEY_REFUSED",
            "The CA does not sign keys of this kind.".to_owned(),
            "Request the certificate with another key algorithm; every CA takes ECDSA P-256.",
        ),
        "badCSR" => (
            "CSR_REFUSED",
            "The CA does not take the certificate request.".to_owned(),
            "Read the CA's explanation; most often another key algorithm helps.",
        ),
        "badNonce" => (
            "BAD_NONCE",
            "The CA refused every one of its own nonces.".to_owned(),
            "Try again later; if it stays so, something between here and the CA answers from a cache.",
        ),
        "serverInternal" => (
            "SERVER_ERROR",
            "The CA is in trouble.".to_owned(),
            "Try again later; the CA's status page may say when.",
        ),
        _ if refusal.status == 404 => (
            "ORDER_GONE",
            "The CA no longer knows the order.".to_owned(),
            "Try again: a new order is placed.",
        ),
        _ => (
            "CA_REFUSED",
            "The CA refused.".to_owned(),
            "Read the CA's explanation, mend what it names, then try again.",
        ),
    };
    let message = match refusal.detail.as_str() {
        "" => what,
        detail => format!("{what} It says: {detail}"),
    };
    Failure {
        problem: Some(problem(refusal)),
        ..failure(step, reason, message, advice)
    }
}

/// The CA's document as it stands in events.
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

fn subproblem((name, problem): &(String, Problem)) -> proto::Subproblem {
    proto::Subproblem {
        r#type: problem.kind_uri.clone(),
        detail: problem.detail.clone(),
        identifier: name.clone(),
    }
}

fn kind_of(uri: &str) -> &str {
    uri.rsplit(':').next().unwrap_or(uri)
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

#[cfg(test)]
mod tests;
