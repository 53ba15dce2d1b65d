//! Why a connection to the outside came to nothing.

use std::{error::Error as StdError, net::IpAddr, time::Duration};

use thiserror::Error;

use super::address::Kind;

/// An outgoing request that has no answer to give. It names the host and the reason, never what was sent
/// or what came back.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EgressError {
    /// What was asked for is not a URL that we can ask.
    #[error("{url:?} cannot be asked: {reason}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The address is one that outgoing connections may not reach.
    #[error("{host} has the {kind} address {address}, which [egress] allow does not name")]
    Refused {
        /// The host that was asked for.
        host: String,
        /// What it resolves to.
        address: IpAddr,
        /// What is wrong with that address.
        kind: Kind,
    },
    /// The name does not resolve.
    #[error("{host} does not resolve: {reason}")]
    Unresolved {
        /// The host.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// No connection came about, or it broke.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// The host.
        host: String,
        /// The last reason in the chain.
        reason: String,
    },
    /// The server's certificate does not prove that it is this host.
    #[error("{host} is not trusted: {reason}")]
    Untrusted {
        /// The host.
        host: String,
        /// What TLS found wrong.
        reason: String,
    },
    /// The whole exchange took too long.
    #[error("{host} did not answer within {} s", after.as_secs())]
    TimedOut {
        /// The host.
        host: String,
        /// How long we waited.
        after: Duration,
    },
    /// The answer is larger than any that we expect.
    #[error("{host} sent more than {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The server sends us elsewhere, and we do not go.
    #[error("{host} redirects to {to}, which is not followed")]
    Redirected {
        /// The host.
        host: String,
        /// Where it would send us: scheme, host and port.
        to: String,
    },
    /// The trusted roots cannot be used.
    #[error("the trusted CA certificates cannot be used: {reason}")]
    Roots {
        /// What is wrong with them.
        reason: String,
    },
}

impl EgressError {
    /// Sorts what reqwest says by its causes.
    pub(super) fn sort(host: &str, error: &reqwest::Error, after: Duration) -> Self {
        let host = host.to_owned();
        if let Some(ours) = causes(error).find_map(|cause| cause.downcast_ref::<Self>()) {
            return ours.clone();
        }
        if error.is_timeout() {
            return Self::TimedOut { host, after };
        }
        let tls = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
        if let Some(tls @ rustls::Error::InvalidCertificate(_)) = tls {
            // It may list every name of the server's certificate.
            let reason = tls.to_string().chars().take(MAX_REASON).collect();
            return Self::Untrusted { host, reason };
        }
        // The last cause says what happened; the ones before it which library noticed.
        let reason = causes(error)
            .last()
            .map(ToString::to_string)
            .unwrap_or_default();
        Self::Unreachable { host, reason }
    }
}

/// An error and all its causes, outermost first. An I/O error that wraps another hides it from `source`.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error: &'a (dyn StdError + 'static) = next?;
        next = match error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
        Some(error)
    })
}

/// How much of a stranger's certificate an error repeats, in characters.
const MAX_REASON: usize = 500;
