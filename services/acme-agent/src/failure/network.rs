//! CAs that cannot be reached.

use api::acme::v1::{Failure, Step};
use runtime::egress::EgressError;

use super::failure;

/// There was no answer from a URL.
pub(super) fn unreachable(step: Step, url: &str, source: &EgressError) -> Failure {
    let (reason, advice) = egress(source);
    failure(
        step,
        reason,
        format!("There is no answer from {url}: {source}."),
        advice,
    )
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
        EgressError::TooLarge { .. } | EgressError::Redirected { .. } => (
            "NOT_AN_ACME_SERVER",
            "Check the server's URL: something else than an ACME server answers there.",
        ),
    }
}
