//! All that is served, and the one certificate of it that answers a name.

use std::{
    collections::{HashMap, HashSet},
    fmt, mem,
    ops::RangeInclusive,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use runtime::Clock;
use rustls::{
    pki_types::CertificateDer,
    sign::{CertifiedKey, SigningKey},
};
use smallvec::SmallVec;
use tokio::sync::watch;

use crate::metrics::Answered;

/// A certificate with its key, and what it answers to. There may be very many: each part is kept once.
///
/// What a look-up reads comes first, beside the count of those who hold it, which it writes: one step into memory for
/// both.
#[derive(Debug)]
#[repr(C)]
pub struct Credential {
    /// The seconds (since 1970) at which it is valid, the last one included.
    pub validity: RangeInclusive<i64>,
    /// The certificate through all its versions.
    pub certificate_id: Arc<str>,
    /// How it stands among several for one name: the higher answers.
    pub rank: u32,
    /// When it was added (log position): of two for one name that are alike otherwise the later one answers.
    pub position: u64,
    /// DNS names in lower case, "*." first where it is a wildcard.
    pub dns_names: Box<[Box<str>]>,
    /// It answers what nothing else answers.
    pub fallback: bool,
    /// The certificate itself.
    pub leaf: CertificateDer<'static>,
    /// Those that a client needs to trust it, from its issuer upwards.
    pub issuers: IssuerChain,
    /// What signs a handshake.
    pub key: Arc<dyn SigningKey>,
}

impl Credential {
    /// What a handshake shows and signs with. It is put together for each: kept, it would hold every issuer again.
    pub fn certified_key(&self) -> CertifiedKey {
        let chain = std::iter::once(&self.leaf).chain(&*self.issuers);
        CertifiedKey::new(chain.cloned().collect(), self.key.clone())
    }
}

/// The certificates above a leaf.
pub type IssuerChain = Arc<[CertificateDer<'static>]>;

/// The chains of issuers, each kept once, however many certificates stand on it. Clones share them.
#[derive(Clone, Default)]
pub struct Issuers(Arc<Mutex<KeptChains>>);

#[derive(Default)]
struct KeptChains {
    chains: HashSet<IssuerChain>,
    /// At so many, those that nobody needs any more are dropped.
    sweep_at: usize,
}

impl Issuers {
    /// The same chain, shared with all who have it.
    pub fn shared(&self, chain: &[CertificateDer<'static>]) -> IssuerChain {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.chains.get(chain) {
            return known.clone();
        }
        if kept.chains.len() >= kept.sweep_at {
            kept.chains.retain(|chain| Arc::strong_count(chain) > 1);
            kept.sweep_at = 2 * kept.chains.len() + FEW_CHAINS;
        }
        let chain = IssuerChain::from(chain);
        kept.chains.insert(chain.clone());
        chain
    }
}

/// What answers a connection, and why.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The certificate with its key.
    pub credential: Arc<Credential>,
    /// By what it was found.
    pub found: Found,
}

/// By what a certificate was found for an SNI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It has this very name.
    Exact,
    /// It has a wildcard for the leftmost label.
    Wildcard,
    /// No certificate has the name, or none was asked for: this is the default.
    Default,
}

impl Found {
    /// Its name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Found::Exact => "exact",
            Found::Wildcard => "wildcard",
            Found::Default => "default",
        }
    }
}

/// All that is served now.
pub struct ServingIndex {
    /// How often each certificate has answered.
    pub answered: Answered,
    clock: Clock,
    // Read for well under a microsecond, and written a certificate at a time: a copy for each change would cost more
    // than anybody ever waits here.
    index: RwLock<Index>,
    filled: watch::Sender<bool>,
}

#[derive(Default)]
struct Index {
    by_id: HashMap<Arc<str>, Arc<Credential>>,
    // Names come from certificates, and strangers only ask: a hash that nobody can attack would be for nothing.
    by_name: HashMap<Name, Ranked, foldhash::fast::RandomState>,
    fallbacks: Ranked,
}

/// A name in the table itself, where it is not long: it is compared without a further step into memory.
type Name = SmallVec<[u8; 32]>;

/// Who answers, last: the order of (rank, position, certificate id), so that every gateway chooses alike. Nearly
/// always there is one, and it is found without a further step.
#[derive(Default)]
struct Ranked(SmallVec<[Arc<Credential>; 1]>);

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

    /// The clock that validity is judged by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Serves these, and nothing that is not among them.
    pub fn replace(&self, credentials: impl IntoIterator<Item = Credential>) {
        let mut fresh = Index::default();
        for credential in credentials {
            fresh.put(credential);
        }
        // What was there before goes when nobody has to wait for it any more.
        let before = mem::replace(&mut *self.write(), fresh);
        self.filled.send_replace(true);
        drop(before);
    }

    /// Serves this, in place of an earlier version of the same certificate.
    pub fn put(&self, credential: Credential) {
        self.write().put(credential);
    }

    /// Serves this certificate no longer.
    pub fn remove(&self, certificate_id: &str) {
        self.write().remove(certificate_id);
    }

    /// Whether this certificate is served.
    pub fn serves(&self, certificate_id: &str) -> bool {
        self.read().by_id.contains_key(certificate_id)
    }

    /// How many certificates are served.
    pub fn count(&self) -> usize {
        self.read().by_id.len()
    }

    /// Waits for the first snapshot.
    pub async fn filled(&self) {
        // Fails only when the sender is gone, and we hold it.
        let _ = self.filled.subscribe().wait_for(|filled| *filled).await;
    }

    /// What answers a connection with this SNI, or with none.
    pub fn answering(&self, server_name: Option<&str>) -> Option<Answer> {
        let now = self.clock.now().unix_timestamp();
        let index = self.read();
        server_name
            .and_then(|name| index.named(name, now))
            .or_else(|| index.fallbacks.answering(now, Found::Default))
    }

    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
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
            let ranked = self.by_name.entry(name.as_bytes().into()).or_default();
            ranked.put(credential.clone());
        }
        if credential.fallback {
            self.fallbacks.put(credential.clone());
        }
        let id = credential.certificate_id.clone();
        self.by_id.insert(id, credential);
    }

    fn remove(&mut self, certificate_id: &str) {
        let Some(credential) = self.by_id.remove(certificate_id) else {
            return;
        };
        for name in &credential.dns_names {
            if let Some(ranked) = self.by_name.get_mut(name.as_bytes()) {
                ranked.remove(&credential);
                if ranked.0.is_empty() {
                    self.by_name.remove(name.as_bytes());
                }
            }
        }
        self.fallbacks.remove(&credential);
    }

    /// By the name, else by its wildcard. Nothing is allocated on the way.
    fn named(&self, name: &str, now: i64) -> Option<Answer> {
        let mut space = [0; LONGEST_NAME];
        let name = name.trim_end_matches('.');
        let lower = space.get_mut(..name.len())?;
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        let exact = self.by_name.get(&*lower);
        if let Some(answer) = exact.and_then(|ranked| ranked.answering(now, Found::Exact)) {
            return Some(answer);
        }
        // "*." goes before the parent, over the end of its first label.
        let dot = lower.iter().position(|byte| *byte == b'.')?;
        let wildcard = lower.get_mut(dot.checked_sub(1)?..)?;
        wildcard[0] = b'*';
        let ranked = self.by_name.get(&*wildcard)?;
        ranked.answering(now, Found::Wildcard)
    }
}

impl Ranked {
    fn put(&mut self, credential: Arc<Credential>) {
        let at = self.0.partition_point(|one| rank(one) < rank(&credential));
        self.0.insert(at, credential);
    }

    fn remove(&mut self, credential: &Arc<Credential>) {
        self.0.retain(|one| !Arc::ptr_eq(one, credential));
    }

    /// The last one that is valid at this second; where none is, the last one.
    fn answering(&self, now: i64, found: Found) -> Option<Answer> {
        let mut all = self.0.iter().rev();
        let valid = all.clone().find(|one| one.validity.contains(&now));
        let credential = valid.or_else(|| all.next())?.clone();
        Some(Answer { credential, found })
    }
}

fn rank(credential: &Credential) -> (u32, u64, &str) {
    let Credential { rank, position, .. } = credential;
    (*rank, *position, &credential.certificate_id)
}

/// In bytes (RFC 1035, section 2.3.4, without the dots and lengths at the ends).
const LONGEST_NAME: usize = 253;

const FEW_CHAINS: usize = 64;

#[cfg(test)]
mod tests {
    use api::keystore::v1::ServingCredential;

    use super::*;
    use crate::{fixture::Ca, serving};

    #[test]
    fn the_names_of_what_is_gone_are_forgotten() {
        let ca = Ca::new("CA");
        let index = ServingIndex::new(Clock::system());
        let put = |id, names: &[&str]| {
            let sent = ca.credential(id, 1, names);
            index.put(serving::credential(sent, &Issuers::default()).unwrap());
        };
        put("a", &["shop.example", "*.shop.example"]);
        put("a", &["shop.example"]);
        put("b", &["shop.example"]);
        assert_eq!(index.read().by_name.len(), 1);
        index.remove("a");
        assert_eq!(index.count(), 1);
        index.remove("b");
        assert!(index.read().by_name.is_empty() && index.read().by_id.is_empty());
    }

    #[test]
    fn a_name_that_is_none_is_answered_by_the_default() {
        let ca = Ca::new("CA");
        let index = ServingIndex::new(Clock::system());
        let sent = ServingCredential {
            fallback: true,
            ..ca.credential("a", 1, &["*.example", "example"])
        };
        index.put(serving::credential(sent, &Issuers::default()).unwrap());
        let long = format!("{}.example", "a".repeat(300));
        for (name, found) in [
            ("EXAMPLE.", Found::Exact),
            ("a.example", Found::Wildcard),
            ("\u{fc}.example", Found::Wildcard),
            (".example", Found::Default),
            ("*.*.example", Found::Default),
            (".", Found::Default),
            ("", Found::Default),
            (&long, Found::Default),
        ] {
            let answer = index.answering(Some(name)).unwrap();
            assert_eq!(answer.found, found, "{name}");
        }
    }

    #[test]
    fn a_chain_of_issuers_is_kept_once_and_for_as_long_as_it_is_needed() {
        let chain = |text: &'static str| [CertificateDer::from(text.as_bytes())];
        let issuers = Issuers::default();
        let kept = issuers.shared(&chain("kept"));
        assert!(Arc::ptr_eq(&kept, &issuers.shared(&chain("kept"))));
        for n in 0..10 * FEW_CHAINS {
            issuers.shared(&[CertificateDer::from(n.to_string().into_bytes())]);
        }
        assert!(Arc::ptr_eq(&kept, &issuers.shared(&chain("kept"))));
        assert!(issuers.0.lock().unwrap().chains.len() <= 2 * FEW_CHAINS);
    }

    #[test]
    fn a_certificate_with_its_chain_and_key_takes_at_most_4_kib() {
        let (ca, issuer) = (Ca::new("CA"), Ca::new("issuer").der());
        let sent = (0..MANY).map(|number| {
            let name = format!("host-{number}.shops.example");
            let id = uuid::Uuid::new_v4().to_string();
            let mut sent = ca.credential(&id, number, &[&name]);
            // A public CA writes about 1 KiB, and its own certificate is a little longer.
            sent.chain_der.push(issuer.repeat(2).into());
            sent
        });
        let sent = sent.collect::<Vec<_>>();
        let (index, issuers) = (ServingIndex::new(Clock::system()), Issuers::default());
        let before = resident();
        index.replace(sent.iter().map(|sent| {
            // As it comes from the keystore: in memory of its own.
            let mut copy = sent.clone();
            copy.private_key_der = sent.private_key_der.to_vec().into();
            serving::credential(copy, &issuers).unwrap()
        }));
        let each = (resident() - before) / MANY;
        assert_eq!(index.count(), MANY as usize);
        assert!(each <= 4096, "{each} bytes each");
    }

    /// Bytes that this process has in memory.
    fn resident() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
        kibibytes.parse::<u64>().unwrap() * 1024
    }

    const MANY: u64 = 4_000;
}
