//! What CAs say no with: the types of RFC 8555, section 6.7, and what a person can do about each.

use std::time::Duration;

use api::acme::v1::{Failure, Step};

use super::{About, ORDER_GONE, TRY_ANEW, directory, failure, problem, said};
use crate::client::{Error, Problem};

/// The failure of making an account; `bound`: it was to be bound to an external one.
pub fn registration(error: &Error, about: About<'_>, bound: bool) -> Failure {
    let explained = directory(error, about);
    // CAs say "unauthorized", "malformed" or worse when the binding is what they do not like.
    let about_binding = [
        "ACCOUNT_REFUSED",
        "ACCOUNT_GONE",
        "EAB_REQUIRED",
        "CA_REFUSED",
    ];
    match (bound, error) {
        (
            true,
            Error::Refused {
                problem: refusal, ..
            },
        ) if about_binding.contains(&explained.reason.as_str()) => {
            let what = "The CA refused this EAB key.".to_owned();
            Failure {
                problem: Some(problem(refusal)),
                ..failure(
                    Step::Connect,
                    "EAB_REFUSED",
                    said(what, refusal),
                    "Keys work once; ask for a new one.",
                )
            }
        }
        _ => explained,
    }
}

/// The CA said no, with a problem document.
pub(super) fn refused(
    step: Step,
    refusal: &Problem,
    retry_after: Option<Duration>,
    about: About<'_>,
) -> Failure {
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
            "Wait as long as the CA says, then try again; the page on its rate limits tells what counts.",
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
            ORDER_GONE,
            "The CA no longer knows the order.".to_owned(),
            TRY_ANEW,
        ),
        _ => (
            "CA_REFUSED",
            "The CA refused.".to_owned(),
            "Read the CA's explanation, mend what it names, then try again.",
        ),
    };
    let mut message = said(what, refusal);
    if let Some(wait) = retry_after {
        message.push_str(&format!(
            " It may be asked again in {} seconds.",
            wait.as_secs()
        ));
    }
    Failure {
        problem: Some(problem(refusal)),
        ..failure(step, reason, message, advice)
    }
}

fn kind_of(uri: &str) -> &str {
    uri.rsplit(':').next().unwrap_or(uri)
}
