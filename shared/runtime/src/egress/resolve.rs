//! Names become addresses once, and only those that may be reached come out.

use std::{net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{EgressError, address::Rules};

/// Resolves as the machine does, and hands on checked addresses only: the connection is made to one of
/// these, so that a second, different answer of the name's server reaches nothing.
pub(super) struct Resolver {
    pub(super) rules: Arc<Rules>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.rules.clone();
        Box::pin(async move {
            let addresses = checked(name.as_str(), &rules).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The addresses of `host` that may be reached; the port is left to the one who connects.
pub(super) async fn checked(host: &str, rules: &Rules) -> Result<Vec<SocketAddr>, EgressError> {
    let unresolved = |reason: String| EgressError::Unresolved {
        host: host.into(),
        reason,
    };
    let found = tokio::net::lookup_host((host, 0)).await;
    let found: Vec<SocketAddr> = found
        .map_err(|error| unresolved(error.to_string()))?
        .collect();
    let (refused, reachable): (Vec<SocketAddr>, _) = found
        .into_iter()
        .partition(|a| rules.refusal(a.ip()).is_some());
    if !reachable.is_empty() {
        return Ok(reachable);
    }
    let refused = refused
        .first()
        .and_then(|a| Some((a.ip(), rules.refusal(a.ip())?)));
    Err(match refused {
        Some((address, kind)) => EgressError::Refused {
            host: host.into(),
            address,
            kind,
        },
        None => unresolved("the name has no address".into()),
    })
}
