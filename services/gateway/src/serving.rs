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
    tls::{Credential, Issuers, ServingIndex},
};

/// Keeps the index as the keystore says, until `stopping`.
pub async fn follow(keystore: Channel, index: &Arc<ServingIndex>, stopping: &CancellationToken) {
    let mut keystore =
        ServingServiceClient::new(keystore).max_decoding_message_size(MAX_CHANGE_BYTES);
    let mut backoff = Backoff::new();
    let issuers = Issuers::default();
    let work = async {
        loop {
            let ended = match keystore
                .watch_serving_credentials(WatchServingCredentialsRequest {})
                .await
            {
                Ok(changes) => take_in(changes.into_inner(), index, &issuers, &mut backoff).await,
                Err(status) => status,
            };
            warn!(
                code = ?ended.code(),
                reason = ended.message(),
                served = index.count(),
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
    index: &Arc<ServingIndex>,
    issuers: &Issuers,
    backoff: &mut Backoff,
) -> Status {
    let mut snapshot = Some(Snapshot::default());
    loop {
        let change = match changes.message().await {
            Ok(Some(message)) => message.change,
            Ok(None) => return Status::unavailable("the keystore ended the session"),
            Err(status) => return status,
        };
        match (change, &mut snapshot) {
            (Some(Change::Put(put)), Some(snapshot)) => snapshot.put(put, issuers).await,
            (Some(Change::Put(put)), None) => {
                for credential in usable(vec![put], issuers).await {
                    info!(certificate_id = &*credential.certificate_id, names = ?credential.dns_names, "serving");
                    index.put(credential);
                }
            }
            (Some(Change::RemovedCertificateId(id)), Some(snapshot)) => snapshot.remove(&id),
            (Some(Change::RemovedCertificateId(id)), None) => {
                info!(certificate_id = id, "serving no longer");
                index.remove(&id);
            }
            (Some(Change::SnapshotComplete(_)), _) => {
                if let Some(snapshot) = snapshot.take() {
                    let credentials = snapshot.complete(issuers).await;
                    info!(
                        certificates = credentials.len(),
                        "serving what the keystore has"
                    );
                    let index = index.clone();
                    off_the_async_threads(move || index.replace(credentials)).await;
                    backoff.reset();
                }
            }
            (None, _) => debug!("the keystore sent a change that this version does not know"),
        }
    }
}

/// What has come of a snapshot.
#[derive(Default)]
struct Snapshot {
    loaded: Vec<Credential>,
    /// Not loaded yet: a few at a time are.
    waiting: Vec<ServingCredential>,
}

impl Snapshot {
    async fn put(&mut self, put: ServingCredential, issuers: &Issuers) {
        self.waiting.push(put);
        if self.waiting.len() == AT_A_TIME {
            self.load(issuers).await;
        }
    }

    fn remove(&mut self, certificate_id: &str) {
        self.loaded.retain(|c| *c.certificate_id != *certificate_id);
        self.waiting.retain(|c| c.certificate_id != certificate_id);
    }

    async fn complete(mut self, issuers: &Issuers) -> Vec<Credential> {
        self.load(issuers).await;
        self.loaded
    }

    async fn load(&mut self, issuers: &Issuers) {
        let waiting = std::mem::take(&mut self.waiting);
        self.loaded.extend(usable(waiting, issuers).await);
    }
}

/// The credentials with which a handshake can be done. One with which it cannot does not stop the others.
///
/// A key is checked when it is loaded, which takes a while: an RSA key's about as long as a handshake with it.
async fn usable(puts: Vec<ServingCredential>, issuers: &Issuers) -> Vec<Credential> {
    let issuers = issuers.clone();
    let load = move || {
        let loaded = puts.into_iter().filter_map(|put| {
            let (id, version) = (put.certificate_id.clone(), put.version);
            let loaded = credential(put, &issuers);
            let unusable = |e| {
                error!(
                    certificate_id = id,
                    version,
                    error = &e as &dyn std::error::Error,
                    "cannot serve a certificate"
                )
            };
            loaded.map_err(unusable).ok()
        });
        loaded.collect()
    };
    off_the_async_threads(load).await
}

/// Handshakes go on meanwhile.
async fn off_the_async_threads<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // Nobody cancels it: it has panicked, and that goes on here.
        Err(e) => std::panic::resume_unwind(e.into_panic()),
    }
}

/// What the keystore sent, ready for handshakes.
///
/// # Errors
/// When the key cannot be used for TLS, or is not the certificate's.
pub fn credential(put: ServingCredential, issuers: &Issuers) -> Result<Credential, rustls::Error> {
    let mut chain = put
        .chain_der
        .iter()
        .map(|der| CertificateDer::from(der.to_vec()))
        .collect::<Vec<_>>();
    let key = any_supported_type(&PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(
        &put.private_key_der[..],
    )));
    // Whatever came of it, and before anything else: from here on the key is in the crypto library alone.
    wipe(put.private_key_der);
    let key = key?;
    if chain.is_empty() {
        return Err(rustls::Error::NoCertificatesPresented);
    }
    let leaf = chain.remove(0);
    CertifiedKey::new(vec![leaf.clone()], key.clone()).keys_match()?;
    let dns_names = put.subject_alt_names.unwrap_or_default().dns_names;
    Ok(Credential {
        certificate_id: put.certificate_id.into(),
        rank: put.rank,
        // A keystore of an earlier version does not say: then it counts as valid.
        validity: put.not_before.map_or(i64::MIN, |at| at.seconds)
            ..=put.not_after.map_or(i64::MAX, |at| at.seconds),
        position: put.position,
        dns_names: dns_names
            .iter()
            .map(|name| name.to_ascii_lowercase().into())
            .collect(),
        fallback: put.fallback,
        leaf,
        issuers: issuers.shared(&chain),
        key,
    })
}

/// Overwrites a key that is no longer needed. Where the bytes are shared with the rest of a received
/// frame they cannot be; they are gone when that buffer is used again.
fn wipe(secret: Bytes) {
    if let Ok(mut secret) = secret.try_into_mut() {
        secret.as_mut().zeroize();
    }
}

/// Certificates of a snapshot that are loaded together: so many keys are held as they came.
const AT_A_TIME: usize = 64;

/// The longest change: a long chain and an RSA key are below 64 KiB.
const MAX_CHANGE_BYTES: usize = 1 << 20;

#[cfg(test)]
pub(crate) mod tests;
