//! A certificate (RFC 5280), read.

use std::net::IpAddr;

use rustls_pki_types::{CertificateDer, pem::PemObject};
use time::OffsetDateTime;
use x509_parser::{
    extensions::{GeneralName, ParsedExtension},
    oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS,
    prelude::{FromDer, X509Certificate},
    public_key::PublicKey,
    x509::{SubjectPublicKeyInfo, X509Name},
};

use crate::{
    FriendlyName, KeyAlgorithm, SubjectFields,
    distinguished_name::{common_name, fields, text},
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
    /// Whether it may stand above another certificate, as far as it says so itself.
    pub(crate) issuing: Issuing,
    pub(crate) subject_key_id: Option<Vec<u8>>,
    pub(crate) authority_key_id: Option<Vec<u8>>,
}

/// What a CA certificate allows its holder (RFC 5280, sections 4.2.1.3 and 4.2.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Issuing {
    /// keyUsage has keyCertSign, or there is no keyUsage.
    pub(crate) key_cert_sign: bool,
    /// How many intermediates that are not self-issued may stand below it.
    pub(crate) path_len: Option<u32>,
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
    /// All names that it is good for, as text.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let addresses = self.ip_addresses.iter().map(ToString::to_string);
        self.dns_names.iter().cloned().chain(addresses)
    }

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
            && Signed::from_der(der).is_ok_and(|signed| signed.verify_of_any_age(spki.raw).is_ok());
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
            issuing: issuing(&parsed),
            subject_key_id: key_id(&parsed, |extension| match extension {
                ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
                _ => None,
            }),
            authority_key_id: key_id(&parsed, |extension| match extension {
                ParsedExtension::AuthorityKeyIdentifier(id) => Some(id.key_identifier.as_ref()?.0),
                _ => None,
            }),
        })
    }

    /// The subject's name, DER: what the certificates that it issued have as their issuer.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// The issuer's name, DER.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// The CN of its issuer; empty where that has none.
    pub fn issuer_common_name(&self) -> String {
        // It was read once already.
        X509Name::from_der(&self.issuer_der)
            .map(|(_, name)| common_name(&name))
            .unwrap_or_default()
    }

    /// What it is called by itself: its CN, else its first name, else its subject, each as far as it fits; else the
    /// start of its fingerprint.
    pub fn own_name(&self) -> FriendlyName {
        let address = self.ip_addresses.first().map(ToString::to_string);
        let names = [
            Some(self.common_name.as_str()),
            self.dns_names.first().map(String::as_str),
            address.as_deref(),
            Some(self.subject.as_str()),
        ];
        let mut names = names.into_iter().flatten().map(|name| {
            let short = name.chars().take(FriendlyName::MAX).collect::<String>();
            FriendlyName::try_from(short.as_str())
        });
        let name = names.find_map(Result::ok);
        name.unwrap_or_else(|| FriendlyName::of_digest(&self.sha256_fingerprint))
    }

    /// The subjectKeyIdentifier (RFC 5280, section 4.2.1.2), where it has one.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.subject_key_id.as_deref()
    }

    /// The keyIdentifier of its authorityKeyIdentifier (RFC 5280, section 4.2.1.1), where it has one: that of
    /// the issuer's key. It tells bearers of one name apart, and proves nothing.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }

    /// The contents octets of the serial number's INTEGER: with the leading zero octet that keeps it positive.
    pub fn serial_octets(&self) -> Vec<u8> {
        // It was read once already.
        X509Certificate::from_der(&self.der)
            .map(|(_, parsed)| parsed.raw_serial().to_vec())
            .unwrap_or_default()
    }

    /// The subject field by field: of each kind that a person can fill in, the first value.
    pub fn subject_fields(&self) -> SubjectFields {
        // It was read once already.
        X509Name::from_der(&self.subject_der)
            .map(|(_, name)| fields(&name))
            .unwrap_or_default()
    }

    /// Where its issuer's certificate can be fetched: the first http address among the caIssuers of
    /// the authorityInfoAccess (RFC 5280, section 4.2.2.1).
    pub fn ca_issuers_url(&self) -> Option<String> {
        let (_, parsed) = X509Certificate::from_der(&self.der).ok()?;
        let mut extensions = parsed.extensions().iter();
        let access = extensions.find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityInfoAccess(access) => Some(access),
            _ => None,
        })?;
        let mut places = access.accessdescs.iter();
        places.find_map(|place| match &place.access_location {
            GeneralName::URI(url)
                if place.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS =>
            {
                let scheme = url.get(..7)?;
                scheme
                    .eq_ignore_ascii_case("http://")
                    .then(|| (*url).to_owned())
            }
            _ => None,
        })
    }

    /// Whether it is within its dates.
    pub fn is_valid_at(&self, time: OffsetDateTime) -> bool {
        (self.not_before..=self.not_after).contains(&time)
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

fn issuing(parsed: &X509Certificate<'_>) -> Issuing {
    // An extension that comes twice allows nothing.
    let key_cert_sign = match parsed.key_usage() {
        Ok(Some(usage)) => usage.value.key_cert_sign(),
        Ok(None) => true,
        Err(_) => false,
    };
    let constraints = parsed.basic_constraints().ok().flatten();
    Issuing {
        key_cert_sign,
        path_len: constraints.and_then(|c| c.value.path_len_constraint),
    }
}

/// The key identifier in the first extension that has one.
fn key_id<'a>(
    parsed: &'a X509Certificate<'_>,
    read: impl Fn(&'a ParsedExtension<'_>) -> Option<&'a [u8]>,
) -> Option<Vec<u8>> {
    let mut extensions = parsed.extensions().iter();
    extensions
        .find_map(|extension| read(extension.parsed_extension()))
        .map(<[u8]>::to_vec)
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
