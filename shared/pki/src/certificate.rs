//! A certificate (RFC 5280), read.

use std::net::IpAddr;

use rustls_pki_types::{CertificateDer, pem::PemObject};
use time::OffsetDateTime;
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
    public_key::PublicKey,
    x509::SubjectPublicKeyInfo,
};

use crate::{
    KeyAlgorithm,
    distinguished_name::{common_name, text},
    fingerprint::{hex, sha256_hex},
    signature::Signed,
};

/// A certificate, and what was read from it. Nothing here says that it is valid or trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The whole certificate.
    pub der: Vec<u8>,
    /// Hex, lower case, whole octets, no leading zero octet.
    pub serial_number: String,
    /// RFC 4514 text; empty where the certificate has none.
    pub subject: String,
    /// RFC 4514 text.
    pub issuer: String,
    /// The first second at which it is valid.
    pub not_before: OffsetDateTime,
    /// The last second at which it is valid.
    pub not_after: OffsetDateTime,
    /// dNSName entries of the subjectAltName, as they stand, lower case.
    pub dns_names: Vec<String>,
    /// iPAddress entries of the subjectAltName.
    pub ip_addresses: Vec<IpAddr>,
    /// `None` where Chancery makes no such keys.
    pub key_algorithm: Option<KeyAlgorithm>,
    /// SHA-256 of the DER, hex.
    pub sha256_fingerprint: String,
    /// SHA-256 of the subjectPublicKeyInfo, hex.
    pub spki_sha256: String,
    /// The subject's CN; empty where there is none.
    pub common_name: String,
    /// basicConstraints cA.
    pub is_ca: bool,
    /// The subject is the issuer, and the signature verifies with the certificate's own key.
    pub self_signed: bool,
    /// The subjectPublicKeyInfo, DER.
    pub spki_der: Vec<u8>,
    pub(crate) subject_der: Vec<u8>,
    pub(crate) issuer_der: Vec<u8>,
}

/// Why a certificate could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not an X.509 certificate in DER.
    #[error("this is not an X.509 certificate")]
    Malformed,
    /// Octets follow the certificate.
    #[error("something follows the certificate")]
    TrailingData,
    /// A date outside the years that can be told apart.
    #[error("the certificate's dates cannot be read")]
    Dates,
    /// The PEM text is broken.
    #[error("this is not PEM text")]
    Pem,
    /// The PEM text has no certificate in it.
    #[error("there is no certificate in the PEM text")]
    NoCertificate,
}

impl Certificate {
    /// Reads one certificate in DER.
    ///
    /// # Errors
    /// [`CertificateError`] for anything else, also for octets behind it.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, parsed) =
            X509Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        if !rest.is_empty() {
            return Err(CertificateError::TrailingData);
        }
        let validity = parsed.validity();
        let spki = parsed.public_key();
        let (dns_names, ip_addresses) = alternative_names(&parsed)?;
        let subject_der = parsed.subject().as_raw();
        let self_signed = subject_der == parsed.issuer().as_raw()
            && Signed::from_der(der).is_ok_and(|signed| signed.verify(spki.raw).is_ok());
        Ok(Self {
            der: der.to_vec(),
            serial_number: serial_number(parsed.raw_serial()),
            subject: text(parsed.subject()),
            issuer: text(parsed.issuer()),
            not_before: time(validity.not_before.timestamp())?,
            not_after: time(validity.not_after.timestamp())?,
            dns_names,
            ip_addresses,
            key_algorithm: key_algorithm(spki),
            sha256_fingerprint: sha256_hex(der),
            spki_sha256: sha256_hex(spki.raw),
            common_name: common_name(parsed.subject()),
            is_ca: parsed.is_ca(),
            self_signed,
            spki_der: spki.raw.to_vec(),
            subject_der: subject_der.to_vec(),
            issuer_der: parsed.issuer().as_raw().to_vec(),
        })
    }
}

/// The certificates of a PEM text in their order, as a CA's answer has them; other blocks are passed over.
///
/// # Errors
/// [`CertificateError`] for the first that cannot be read, or where there is none.
pub fn parse_pem_chain(pem: &str) -> Result<Vec<Certificate>, CertificateError> {
    let mut chain = Vec::new();
    for block in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let der = block.map_err(|_| CertificateError::Pem)?;
        chain.push(Certificate::parse(&der)?);
    }
    if chain.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    Ok(chain)
}

type AlternativeNames = (Vec<String>, Vec<IpAddr>);

fn alternative_names(parsed: &X509Certificate<'_>) -> Result<AlternativeNames, CertificateError> {
    let extension = parsed.subject_alternative_name();
    let extension = extension.map_err(|_| CertificateError::Malformed)?;
    let (mut dns_names, mut ip_addresses) = AlternativeNames::default();
    let names = extension.iter().flat_map(|e| &e.value.general_names);
    for name in names {
        match name {
            GeneralName::DNSName(name) => dns_names.push(name.to_ascii_lowercase()),
            GeneralName::IPAddress(octets) => ip_addresses.extend(ip_address(octets)),
            _ => {}
        }
    }
    Ok((dns_names, ip_addresses))
}

fn ip_address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

fn serial_number(octets: &[u8]) -> String {
    let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
    // Zero itself, which no CA should use, keeps one octet.
    hex(&octets[zeros.min(octets.len().saturating_sub(1))..])
}

fn time(seconds: i64) -> Result<OffsetDateTime, CertificateError> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| CertificateError::Dates)
}

fn key_algorithm(spki: &SubjectPublicKeyInfo<'_>) -> Option<KeyAlgorithm> {
    let oid = spki.algorithm.algorithm.to_id_string();
    let curve = || {
        let parameters = spki.algorithm.parameters.as_ref()?;
        Some(parameters.as_oid().ok()?.to_id_string())
    };
    match oid.as_str() {
        "1.2.840.113549.1.1.1" => match spki.parsed().ok()? {
            PublicKey::RSA(key) => match key.key_size() {
                2048 => Some(KeyAlgorithm::Rsa2048),
                3072 => Some(KeyAlgorithm::Rsa3072),
                4096 => Some(KeyAlgorithm::Rsa4096),
                _ => None,
            },
            _ => None,
        },
        "1.2.840.10045.2.1" => match curve()?.as_str() {
            "1.2.840.10045.3.1.7" => Some(KeyAlgorithm::EcdsaP256),
            "1.3.132.0.34" => Some(KeyAlgorithm::EcdsaP384),
            "1.3.132.0.35" => Some(KeyAlgorithm::EcdsaP521),
            _ => None,
        },
        "1.3.101.112" => Some(KeyAlgorithm::Ed25519),
        _ => None,
    }
}
