//! What is served, as the keystore says: every certificate with its key first, then each change.
//!
//! While the keystore is away, what it said last is served on.

use std::sync::Arc;

use api::keystore::v1::{
    ServingChange, ServingCredential, WatchServingCredentialsRequest, serving_change::Change,
    serving_service_client::ServingServiceClient,
};
use bytes::Bytes;
use rustls::{crypto::aws_lc_rs::sign::any_supported_type, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming, transport::Channel};
use tracing::{debug, error, info, warn};
use zeroize::Zeroize;

use crate::{
    backoff::Backoff,
    tls::{Credential, ServingIndex},
};

/// Keeps the index as the keystore says, until `stopping`.
pub async fn follow(keystore: Channel, index: &ServingIndex, stopping: &CancellationToken) {
    let mut keystore =
        ServingServiceClient::new(keystore).max_decoding_message_size(MAX_CHANGE_BYTES);
    let mut backoff = Backoff::new();
    let work = async {
        loop {
            let ended = match keystore
                .watch_serving_credentials(WatchServingCredentialsRequest {})
                .await
            {
                Ok(changes) => take_in(changes.into_inner(), index, &mut backoff).await,
                Err(status) => status,
            };
            warn!(
                code = ?ended.code(),
                reason = ended.message(),
                served = index.len(),
                "keystore does not feed certificates, serving what is here"
            );
            tokio::time::sleep(backoff.wait()).await;
        }
    };
    stopping.run_until_cancelled(work).await;
}

/// Takes in one session: nothing changes before its snapshot is whole.
async fn take_in(
    mut changes: Streaming<ServingChange>,
    index: &ServingIndex,
    backoff: &mut Backoff,
) -> Status {
    let mut snapshot = Some(Vec::new());
    loop {
        let change = match changes.message().await {
            Ok(Some(message)) => message.change,
            Ok(None) => return Status::unavailable("the keystore ended the session"),
            Err(status) => return status,
        };
        match (change, &mut snapshot) {
            (Some(Change::Put(put)), Some(snapshot)) => snapshot.extend(usable(put)),
            (Some(Change::Put(put)), None) => {
                if let Some(credential) = usable(put) {
                    info!(certificate_id = credential.certificate_id, names = ?credential.dns_names, "serving");
                    index.put(credential);
                }
            }
            (Some(Change::RemovedCertificateId(id)), Some(snapshot)) => {
                snapshot.retain(|c| c.certificate_id != id)
            }
            (Some(Change::RemovedCertificateId(id)), None) => {
                info!(certificate_id = id, "serving no longer");
                index.remove(&id);
            }
            (Some(Change::SnapshotComplete(_)), _) => {
                if let Some(snapshot) = snapshot.take() {
                    info!(
                        certificates = snapshot.len(),
                        "serving what the keystore has"
                    );
                    index.replace(snapshot);
                    backoff.reset();
                }
            }
            (None, _) => debug!("the keystore sent a change that this version does not know"),
        }
    }
}

/// The credential, where a handshake can be done with it. One that cannot does not stop the others.
fn usable(put: ServingCredential) -> Option<Credential> {
    let (id, version) = (put.certificate_id.clone(), put.version);
    match credential(put) {
        Ok(credential) => Some(credential),
        Err(e) => {
            error!(
                certificate_id = id,
                version,
                error = &e as &dyn std::error::Error,
                "cannot serve a certificate"
            );
            None
        }
    }
}

/// What the keystore sent, ready for handshakes.
///
/// # Errors
/// When the key cannot be used for TLS, or is not the certificate's.
pub fn credential(put: ServingCredential) -> Result<Credential, rustls::Error> {
    let chain = put
        .chain_der
        .iter()
        .map(|der| CertificateDer::from(der.to_vec()))
        .collect();
    let key = any_supported_type(&PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(
        &put.private_key_der[..],
    )));
    // Whatever came of it, and before anything else: from here on the key is in the crypto library alone.
    wipe(put.private_key_der);
    let key = CertifiedKey::new(chain, key?);
    key.keys_match()?;
    let dns_names = put.subject_alt_names.unwrap_or_default().dns_names;
    Ok(Credential {
        certificate_id: put.certificate_id,
        rank: put.rank,
        // A keystore of an earlier version does not say: then it counts as valid.
        validity: put.not_before.map_or(i64::MIN, |at| at.seconds)
            ..=put.not_after.map_or(i64::MAX, |at| at.seconds),
        position: put.position,
        dns_names: dns_names
            .into_iter()
            .map(|name| name.to_ascii_lowercase())
            .collect(),
        fallback: put.fallback,
        key: Arc::new(key),
    })
}

/// Overwrites a key that is no longer needed. Where the bytes are shared with the rest of a received
/// frame they cannot be; they are gone when that buffer is used again.
fn wipe(secret: Bytes) {
    if let Ok(mut secret) = secret.try_into_mut() {
        secret.as_mut().zeroize();
    }
}

/// The longest change: a long chain and an RSA key are below 64 KiB.
const MAX_CHANGE_BYTES: usize = 1 << 20;

#[cfg(test)]
pub(crate) mod tests;
