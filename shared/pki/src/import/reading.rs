//! One reading of one file: what it takes, what was found, and what may still be spent.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};

use super::{Contents, ImportError, MAX_CERTIFICATES, MAX_KEYS, work::Work};
use crate::{Certificate, CertificateError, KeyAlgorithm, PrivateKey};

pub(super) struct Reading<'p> {
    pub(super) passphrase: Option<&'p str>,
    pub(super) work: Work,
    certificates: Vec<Certificate>,
    /// SHA-256 of each certificate.
    seen: HashSet<Vec<u8>>,
    keys: Vec<PrivateKey>,
    passed_over: Vec<&'static str>,
}

impl<'p> Reading<'p> {
    pub(super) fn new(passphrase: Option<&'p str>) -> Self {
        Self {
            passphrase,
            work: Work::new(),
            certificates: Vec::new(),
            seen: HashSet::new(),
            keys: Vec::new(),
            passed_over: Vec::new(),
        }
    }

    /// Takes a certificate; one that is there already is no second one.
    pub(super) fn certificate(&mut self, der: &[u8], what: &str) -> Result<(), ImportError> {
        if der.len() > MAX_CERTIFICATE_OCTETS {
            return Err(ImportError::CertificateTooLarge);
        }
        if !self.seen.insert(digest(&SHA256, der).as_ref().to_vec()) {
            return Ok(());
        }
        if self.certificates.len() == MAX_CERTIFICATES {
            return Err(ImportError::TooManyCertificates);
        }
        let octets = der.len() as u64;
        self.work
            .spend(octets / 2, || ImportError::TooManyCertificates)?;
        let certificate = Certificate::parse(der).map_err(|error| match error {
            CertificateError::TrailingData => ImportError::TrailingData {
                what: what.to_owned(),
            },
            _ => ImportError::damaged(what),
        })?;
        if certificate.subject_der == certificate.issuer_der {
            // Its own signature was verified: the next one is not, once there were too many.
            self.work.spend(verification(&certificate), || {
                ImportError::TooManyCertificates
            })?;
        }
        self.certificates.push(certificate);
        Ok(())
    }

    /// Takes a private key; one that is there already is no second one.
    pub(super) fn key(&mut self, key: PrivateKey) -> Result<(), ImportError> {
        if self.keys.iter().all(|k| k.spki_der() != key.spki_der()) {
            if self.keys.len() == MAX_KEYS {
                return Err(ImportError::TooManyKeys);
            }
            self.keys.push(key);
        }
        Ok(())
    }

    /// Notes what was in the file and is not imported.
    pub(super) fn pass_over(&mut self, what: &'static str) {
        if !self.passed_over.contains(&what) {
            self.passed_over.push(what);
        }
    }

    pub(super) fn finish(self, format: &str) -> Result<Contents, ImportError> {
        if self.certificates.is_empty() && self.keys.is_empty() {
            let what = self.passed_over.join(" and ");
            return Err(ImportError::NothingInIt { what });
        }
        Ok(Contents {
            format: format.to_owned(),
            certificates: self.certificates,
            keys: self.keys,
        })
    }
}

/// One with a thousand names has 30 KiB.
const MAX_CERTIFICATE_OCTETS: usize = 64 * 1024;

/// What verifying a signature by its key costs, in the units of [`Work`].
fn verification(certificate: &Certificate) -> u64 {
    match certificate.key_algorithm {
        Some(KeyAlgorithm::EcdsaP256 | KeyAlgorithm::Ed25519) => 2_000,
        Some(KeyAlgorithm::EcdsaP384) => 5_000,
        Some(KeyAlgorithm::EcdsaP521) => 8_000,
        // RSA, of these sizes and others: by the square of its modulus.
        _ => {
            let octets = certificate.spki_der.len() as u64;
            500 + octets * octets / 180
        }
    }
}
