//! Whether the gateway is the one that is meant: by the pinned fingerprint of its certificate, or by public roots.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex},
};

use aws_lc_rs::digest::{SHA256, digest};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{
        CryptoProvider, aws_lc_rs::default_provider, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};

/// SHA-256 of a certificate's DER.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// Not a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a fingerprint is the SHA-256 of the certificate: 64 hexadecimal digits, with or without colons"
)]
pub struct FingerprintError;

impl Fingerprint {
    /// Of this certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let mut octets = [0; 32];
        octets.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Self(octets)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits = text.trim().chars().filter(|c| *c != ':');
        let digits = digits
            .map(|c| c.to_digit(16))
            .collect::<Option<Vec<_>>>()
            .ok_or(FingerprintError)?;
        let octets = digits
            .chunks_exact(2)
            .map(|pair| (pair[0] << 4 | pair[1]) as u8)
            .collect::<Vec<_>>();
        if digits.len() != 64 {
            return Err(FingerprintError);
        }
        Ok(Self(octets.try_into().map_err(|_| FingerprintError)?))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What came of looking at the gateway's certificate.
#[derive(Debug, Clone)]
pub enum Seen {
    /// It is trusted.
    Trusted,
    /// It is not one that is trusted by its fingerprint.
    Other(Fingerprint),
    /// No root vouches for it; in the verifier's words.
    Unknown(Fingerprint, Error),
}

/// The verifier of one connection, which remembers what it saw.
#[derive(Debug)]
pub struct Trust {
    rule: Rule,
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug)]
enum Rule {
    /// This certificate and no other.
    Pinned(Fingerprint),
    /// What the system's or Mozilla's roots vouch for.
    Roots(rustls_platform_verifier::Verifier),
    /// None at all: somebody only wants to know which one there is.
    Nobody,
}

impl Trust {
    /// Trusts the certificate with this fingerprint and no other; without one, what the system's or Mozilla's roots vouch for.
    ///
    /// A pinned certificate is trusted whatever its names and dates say: who pins it knows which one it is.
    ///
    /// # Errors
    /// When the system's roots cannot be used.
    pub fn new(pinned: Option<Fingerprint>) -> Result<Self, Error> {
        let provider = Arc::new(default_provider());
        let rule = match pinned {
            Some(fingerprint) => Rule::Pinned(fingerprint),
            None => {
                let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
                Rule::Roots(rustls_platform_verifier::Verifier::new_with_extra_roots(
                    mozilla,
                    provider.clone(),
                )?)
            }
        };
        Ok(Self {
            rule,
            provider,
            seen: Mutex::new(None),
        })
    }

    /// Trusts nobody: every handshake ends once the certificate has been seen.
    pub fn in_nobody() -> Self {
        Self {
            rule: Rule::Nobody,
            provider: Arc::new(default_provider()),
            seen: Mutex::new(None),
        }
    }

    /// What the last handshake showed.
    pub fn seen(&self) -> Option<Seen> {
        self.seen.lock().ok()?.clone()
    }

    fn remember(&self, seen: Seen) {
        if let Ok(mut slot) = self.seen.lock() {
            *slot = Some(seen);
        }
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = Fingerprint::of(leaf);
        let (seen, verdict) = match &self.rule {
            Rule::Pinned(pinned) if *pinned == fingerprint => {
                (Seen::Trusted, Ok(ServerCertVerified::assertion()))
            }
            Rule::Pinned(_) | Rule::Nobody => {
                let refused = CertificateError::ApplicationVerificationFailure;
                (Seen::Other(fingerprint), Err(refused.into()))
            }
            Rule::Roots(roots) => match roots.verify_server_cert(leaf, issuers, name, ocsp, now) {
                Ok(verified) => (Seen::Trusted, Ok(verified)),
                Err(error) => (Seen::Unknown(fingerprint, error.clone()), Err(error)),
            },
        };
        self.remember(seen);
        verdict
    }

    // The certificate alone proves nothing: that the other side has its key, these two check.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_openssl_and_as_we_write_it() {
        let ours = "ab".repeat(32);
        let openssl = vec!["AB"; 32].join(":");
        let fingerprint: Fingerprint = ours.parse().unwrap();
        assert_eq!(openssl.parse(), Ok(fingerprint));
        assert_eq!(fingerprint.to_string(), ours);
        for no in ["", "ab", &"ab".repeat(33), &"xy".repeat(32)] {
            assert_eq!(no.parse::<Fingerprint>(), Err(FingerprintError), "{no}");
        }
    }
}
