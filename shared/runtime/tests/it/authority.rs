//! An internal CA, and the identities that it issues into a data folder.

use std::{fs, path::Path, time::Duration};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use runtime::{Clock, Layout, Runtime, Shared, identity::spiffe};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

/// A CA that issues to anybody.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    clock: Clock,
}

/// A certificate and its key.
pub struct Leaf {
    pub pem: String,
    pub key_pem: String,
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Authority {
    pub fn new(clock: &Clock) -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "internal CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = clock.now() - DAY;
        params.not_after = clock.now() + 3_650 * DAY;
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self {
            issuer,
            clock: clock.clone(),
        }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A leaf with this URI that lives for 30 days from now.
    pub fn leaf(&self, uri: Option<&str>) -> Leaf {
        self.leaf_until(uri, self.clock.now() + 30 * DAY)
    }

    pub fn leaf_until(&self, uri: Option<&str>, not_after: OffsetDateTime) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let certificate = self
            .params(uri, not_after)
            .signed_by(&key, &self.issuer)
            .unwrap();
        Leaf {
            pem: certificate.pem() + &self.pem(),
            key_pem: key.serialize_pem(),
            chain: vec![certificate.der().clone(), self.der()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        }
    }

    /// What the keystore would answer to a request for `name`.
    pub fn certify(&self, name: &str, csr_der: &[u8]) -> String {
        let request = rcgen::CertificateSigningRequestParams::from_der(&csr_der.into()).unwrap();
        let params = self.params(Some(&spiffe::id(name)), self.clock.now() + 30 * DAY);
        let certificate = params.signed_by(&request.public_key, &self.issuer).unwrap();
        certificate.pem() + &self.pem()
    }

    /// Lays the identity of `name` into a data folder.
    pub fn enrol(&self, data: &Path, name: &str) {
        self.lay(data, name, &self.leaf(Some(&spiffe::id(name))));
    }

    /// Lays any leaf into a data folder as the identity of `name`.
    pub fn lay(&self, data: &Path, name: &str, leaf: &Leaf) {
        let layout = Layout::under(data);
        fs::create_dir_all(layout.identity_dir()).unwrap();
        fs::write(layout.ca_certificate(), self.pem()).unwrap();
        fs::write(layout.leaf(name), &leaf.pem).unwrap();
        fs::write(layout.leaf_key(name), &leaf.key_pem).unwrap();
    }

    fn params(&self, uri: Option<&str>, not_after: OffsetDateTime) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.not_before = self.clock.now() - DAY / 24;
        params.not_after = not_after;
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        if let Some(uri) = uri {
            params
                .subject_alt_names
                .push(SanType::URI(uri.try_into().unwrap()));
        }
        params
    }
}

/// The configuration for a data folder, with every peer at one address.
pub fn shared(data: &Path, peers: std::net::SocketAddr) -> Shared {
    let mut shared = Shared {
        data_dir: data.into(),
        ..Shared::default()
    };
    shared.peers.keystore = peers.to_string();
    shared.peers.csr_service = peers.to_string();
    shared.peers.acme_agent = peers.to_string();
    shared.peers.notifier = peers.to_string();
    shared.peers.projection = peers.to_string();
    shared
}

/// A service whose identity lies in the data folder already.
pub fn start(service: &'static str, shared: &Shared, clock: &Clock) -> Runtime {
    let stopping = CancellationToken::new();
    Runtime::start(service, shared.clone(), clock.clone(), stopping, None).unwrap()
}

pub const DAY: Duration = Duration::from_secs(86_400);
