//! Renewal of a running service's identity.

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{IdentityError, IdentityIssuer, IdentityStore, IssueError};

/// Looks after the identity until the service is to stop: takes one that was put on disk, and has it renewed
/// when a third of its life is left.
pub(crate) async fn rotate(
    store: IdentityStore,
    issuer: impl IdentityIssuer,
    stopping: CancellationToken,
) {
    loop {
        look_after(&store, &issuer).await;
        tokio::select! {
            () = stopping.cancelled() => return,
            () = store.clock().sleep(LOOK_EVERY) => {}
        }
    }
}

async fn look_after(store: &IdentityStore, issuer: &impl IdentityIssuer) {
    match store.reload() {
        Ok(true) => tracing::info!(service = store.name(), "took the new identity on disk"),
        Ok(false) => {}
        Err(error) => tracing::error!(
            service = store.name(),
            error = chain(&error),
            "cannot read the identity on disk"
        ),
    }
    let identity = store.current();
    if store.clock().now() < identity.renew_at() {
        return;
    }
    match renew(store, issuer).await {
        Ok(()) => {
            let not_after = store.current().not_after();
            tracing::info!(service = store.name(), %not_after, "renewed the service's identity");
        }
        Err(error) => {
            let not_after = identity.not_after();
            tracing::error!(service = store.name(), %not_after, error = chain(&error), "cannot renew the service's identity: when it expires, no service will talk to this one");
        }
    }
}

async fn renew(store: &IdentityStore, issuer: &impl IdentityIssuer) -> Result<(), RenewError> {
    let key = KeyPair::generate().map_err(RenewError::Generate)?;
    // The name in it does not count: the issuer takes it from who asks.
    let request = CertificateParams::default()
        .serialize_request(&key)
        .map_err(RenewError::Generate)?;
    let leaf = issuer
        .issue(request.der().to_vec())
        .await
        .map_err(RenewError::Issue)?;
    let key = Zeroizing::new(key.serialize_pem());
    store
        .replace(leaf.as_bytes(), key.as_bytes())
        .map_err(RenewError::Replace)
}

#[derive(Debug, Error)]
enum RenewError {
    #[error("cannot make a new key")]
    Generate(#[source] rcgen::Error),
    #[error("the keystore issued no certificate")]
    Issue(#[source] IssueError),
    #[error("cannot use the new certificate")]
    Replace(#[source] IdentityError),
}

/// An error with its causes, for a log line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Days are left when renewal begins; a new identity on disk is noticed within this.
const LOOK_EVERY: Duration = Duration::from_secs(30);
