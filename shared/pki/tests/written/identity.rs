//! A key with its certificate, from an intermediate CA below a root.

use pki::{Certificate, KeyAlgorithm, PrivateKey, export::Contents};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use time::macros::datetime;

pub struct Identity {
    pub key: PrivateKey,
    pub certificate: Certificate,
    /// The intermediate and the root.
    pub issuers: Vec<Certificate>,
}

/// With a friendly name that needs more than ASCII.
pub const FRIENDLY_NAME: &str = "Shop, München ✓";

impl Identity {
    pub fn new(algorithm: KeyAlgorithm) -> Self {
        let key = PrivateKey::generate(algorithm).unwrap();
        let root = CertifiedIssuer::self_signed(authority("Root"), KeyPair::generate().unwrap());
        let root = root.unwrap();
        let middle = KeyPair::generate().unwrap();
        let middle = CertifiedIssuer::signed_by(authority("Middle"), middle, &root).unwrap();
        let mut params = CertificateParams::new(["shop.example".to_owned()]).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "shop.example");
        params.not_before = datetime!(2026-01-01 00:00 UTC);
        params.not_after = datetime!(2056-01-01 00:00 UTC);
        let certificate = params.signed_by(&key, &middle).unwrap();
        Self {
            key,
            certificate: Certificate::parse(certificate.der()).unwrap(),
            issuers: [middle.der(), root.der()]
                .map(|der| Certificate::parse(der).unwrap())
                .into(),
        }
    }

    pub fn of_every_algorithm() -> impl Iterator<Item = (KeyAlgorithm, Self)> {
        KeyAlgorithm::ALL
            .into_iter()
            .map(|algorithm| (algorithm, Self::new(algorithm)))
    }

    pub fn contents(&self) -> Contents<'_> {
        Contents {
            friendly_name: FRIENDLY_NAME,
            certificate: Some(&self.certificate),
            issuers: &self.issuers,
            key: Some(&self.key),
        }
    }

    pub fn certificates_alone(&self) -> Contents<'_> {
        Contents {
            key: None,
            ..self.contents()
        }
    }

    /// The leaf first.
    pub fn chain(&self) -> Vec<Certificate> {
        let issuers = self.issuers.iter().cloned();
        std::iter::once(self.certificate.clone())
            .chain(issuers)
            .collect()
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.not_before = datetime!(2026-01-01 00:00 UTC);
    params.not_after = datetime!(2056-01-01 00:00 UTC);
    params
}
