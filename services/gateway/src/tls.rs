//! Which certificate answers a handshake, by its SNI (RFC 6066, section 3).
//!
//! The exact name goes first, then a wildcard for its leftmost label (RFC 6125, section 6.4.3), then the
//! fallback, which also answers connections that name nothing. Of several certificates for one name one
//! that is valid goes before one that is not, then the keystore's rank counts (automated, from elsewhere,
//! self-signed), and then the one added last answers; when it goes, the next one is back. Every change takes
//! effect on the next handshake, whole: a handshake sees the index before it or after it.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    ops::RangeInclusive,
    sync::{Arc, PoisonError, RwLock},
};

use runtime::Clock;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::sync::watch;

use crate::metrics::Answered;

/// A certificate with its key, and what it answers to.
#[derive(Debug)]
pub struct Credential {
    /// The certificate through all its versions.
    pub certificate_id: String,
    /// How it stands among several for one name: the higher answers.
    pub rank: u32,
    /// The seconds (since 1970) at which it is valid, the last one included.
    pub validity: RangeInclusive<i64>,
    /// When it was added (log position): of two for one name that are alike otherwise the later one answers.
    pub position: u64,
    /// DNS names in lower case, "*." first where it is a wildcard.
    pub dns_names: Vec<String>,
    /// It answers what nothing else answers.
    pub fallback: bool,
    /// The chain, leaf first, and the key to sign with.
    pub key: Arc<CertifiedKey>,
}

/// All that is served now.
pub struct ServingIndex {
    /// How often each certificate has answered.
    pub answered: Answered,
    clock: Clock,
    index: RwLock<Index>,
    filled: watch::Sender<bool>,
}

#[derive(Default)]
struct Index {
    by_id: HashMap<String, Arc<Credential>>,
    by_name: HashMap<String, Ranked>,
    fallbacks: Ranked,
}

/// Who answers, last: the order of (rank, position, certificate id), so that every gateway chooses alike.
type Ranked = BTreeMap<(u32, u64, String), Arc<Credential>>;

impl ServingIndex {
    /// Nothing yet: handshakes have to wait for [`filled`](Self::filled).
    pub fn new(clock: Clock) -> ServingIndex {
        ServingIndex {
            answered: Answered::default(),
            clock,
            index: RwLock::default(),
            filled: watch::Sender::new(false),
        }
    }

    /// Serves these, and nothing that is not among them.
    pub fn replace(&self, credentials: impl IntoIterator<Item = Credential>) {
        let mut fresh = Index::default();
        for credential in credentials {
            fresh.put(credential);
        }
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        self.filled.send_replace(true);
    }

    /// Serves this, in place of an earlier version of the same certificate.
    pub fn put(&self, credential: Credential) {
        self.index
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .put(credential);
    }

    /// Serves this certificate no longer.
    pub fn remove(&self, certificate_id: &str) {
        self.index
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(certificate_id);
    }

    /// How many certificates are served.
    pub fn len(&self) -> usize {
        self.index
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .by_id
            .len()
    }

    /// Whether this certificate is among them.
    pub fn serves(&self, certificate_id: &str) -> bool {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.by_id.contains_key(certificate_id)
    }

    /// Waits for the first snapshot.
    pub async fn filled(&self) {
        // Fails only when the sender is gone, and we hold it.
        let _ = self.filled.subscribe().wait_for(|filled| *filled).await;
    }

    /// The credential that answers a connection with this SNI, or with none.
    pub fn answering(&self, server_name: Option<&str>) -> Option<Arc<Credential>> {
        let name = server_name.map(|name| name.trim_end_matches('.').to_ascii_lowercase());
        let now = self.clock.now().unix_timestamp();
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let named = name.and_then(|name| index.named(&name, now));
        named.or_else(|| best(&index.fallbacks, now))
    }
}

impl ResolvesServerCert for ServingIndex {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let credential = self.answering(hello.server_name())?;
        self.answered.count(&credential, hello.server_name());
        Some(credential.key.clone())
    }
}

impl fmt::Debug for ServingIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServingIndex")
    }
}

impl Index {
    fn put(&mut self, credential: Credential) {
        self.remove(&credential.certificate_id);
        let credential = Arc::new(credential);
        for name in &credential.dns_names {
            let ranked = self.by_name.entry(name.clone()).or_default();
            ranked.insert(rank(&credential), credential.clone());
        }
        if credential.fallback {
            self.fallbacks.insert(rank(&credential), credential.clone());
        }
        self.by_id
            .insert(credential.certificate_id.clone(), credential);
    }

    fn remove(&mut self, certificate_id: &str) {
        let Some(credential) = self.by_id.remove(certificate_id) else {
            return;
        };
        for name in &credential.dns_names {
            if let Some(ranked) = self.by_name.get_mut(name) {
                ranked.remove(&rank(&credential));
                if ranked.is_empty() {
                    self.by_name.remove(name);
                }
            }
        }
        self.fallbacks.remove(&rank(&credential));
    }

    fn named(&self, name: &str, now: i64) -> Option<Arc<Credential>> {
        let exact = self.by_name.get(name).and_then(|all| best(all, now));
        exact.or_else(|| {
            let (_, parent) = name.split_once('.')?;
            let all = self.by_name.get(&format!("*.{parent}"))?;
            best(all, now)
        })
    }
}

fn rank(credential: &Credential) -> (u32, u64, String) {
    let id = credential.certificate_id.clone();
    (credential.rank, credential.position, id)
}

/// The last one that is valid at this second; where none is, the last one.
fn best(ranked: &Ranked, now: i64) -> Option<Arc<Credential>> {
    let mut all = ranked.values().rev();
    let valid = all.clone().find(|one| one.validity.contains(&now));
    valid.or_else(|| all.next()).cloned()
}

/// TLS 1.3 and 1.2 for HTTP/2 and HTTP/1.1, with certificates from the index.
///
/// Sessions are not resumed: a resumed one would go on under the certificate of its first handshake,
/// which may have been replaced or removed since, and a full handshake is cheap for what this edge serves.
///
/// # Errors
/// When the crypto provider cannot do both versions.
pub fn server_config(index: Arc<ServingIndex>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(index);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config.into())
}

#[cfg(test)]
mod tests;
