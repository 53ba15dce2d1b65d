//! Between messages and the types that the code works with.

use pbjson_types::{Duration, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{refuse::Violations, x509::v1};

/// The message's algorithm is left out, or one that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("choose a key algorithm: RSA (2048, 3072, 4096), ECDSA (P-256, P-384, P-521) or Ed25519")]
pub struct NoKeyAlgorithm;

/// A certificate message that cannot be read as one.
#[derive(Debug, thiserror::Error)]
#[error("the message's certificate cannot be read")]
pub struct UnreadableCertificate(#[from] pki::CertificateError);

/// A point in time as a message; sub-microsecond digits are dropped, so that every database keeps it whole.
pub fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: at.unix_timestamp(),
        // Below 1,000,000,000: fits.
        nanos: (at.microsecond() * 1_000) as i32,
    }
}

/// A point in time from a message; `None` where it lies outside the years 1 to 9999.
pub fn time(at: &Timestamp) -> Option<OffsetDateTime> {
    let seconds = OffsetDateTime::from_unix_timestamp(at.seconds).ok()?;
    seconds.checked_add(time::Duration::nanoseconds(at.nanos.into()))
}

/// A length of time as a message; sub-microsecond digits are dropped.
pub fn duration(duration: std::time::Duration) -> Duration {
    Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        // Below 1,000,000,000: fits.
        nanos: (duration.subsec_micros() * 1_000) as i32,
    }
}

/// The algorithm of an enum field.
///
/// # Errors
/// [`NoKeyAlgorithm`] where it is left out or unknown.
pub fn key_algorithm(number: i32) -> Result<pki::KeyAlgorithm, NoKeyAlgorithm> {
    v1::KeyAlgorithm::try_from(number)
        .map_err(|_| NoKeyAlgorithm)?
        .try_into()
}

/// A subject from a message, with what is wrong noted under the field's path; a message that was left out is an empty subject.
pub fn subject(
    path: &str,
    message: Option<&v1::Subject>,
    violations: &mut Violations,
) -> Option<pki::Subject> {
    let subject = message
        .map(pki::Subject::try_from)
        .unwrap_or_else(|| Ok(pki::Subject::default()));
    note(path, subject, violations)
}

/// Alternative names from a message, with what is wrong noted under the field's path; a message that was left out is no names.
pub fn subject_alt_names(
    path: &str,
    message: Option<&v1::SubjectAltNames>,
    violations: &mut Violations,
) -> Option<pki::SubjectAltNames> {
    let names = message.map(pki::SubjectAltNames::try_from);
    note(
        path,
        names.unwrap_or_else(|| Ok(pki::SubjectAltNames::default())),
        violations,
    )
}

/// The same, where at least one name is needed.
pub fn required_subject_alt_names(
    path: &str,
    message: Option<&v1::SubjectAltNames>,
    violations: &mut Violations,
) -> Option<pki::SubjectAltNames> {
    let names = subject_alt_names(path, message, violations)?;
    if names.is_empty() {
        // Clients have long stopped looking at the common name (RFC 9525, section 2).
        violations.add(path, "give at least one DNS name or IP address");
        return None;
    }
    Some(names)
}

/// An id of ours, a UUID as text.
pub fn id(path: &str, text: &str, violations: &mut Violations) -> Option<Uuid> {
    let parsed = Uuid::try_parse(text).map_err(|_| "this is not an id: a UUID is needed");
    violations.check(path, parsed)
}

fn note<T>(
    path: &str,
    parsed: Result<T, pki::InvalidFields>,
    violations: &mut Violations,
) -> Option<T> {
    parsed
        .map_err(|invalid| {
            for pki::InvalidField { field, reason } in invalid.0 {
                violations.add(format!("{path}.{field}"), reason);
            }
        })
        .ok()
}

impl From<pki::KeyAlgorithm> for v1::KeyAlgorithm {
    fn from(algorithm: pki::KeyAlgorithm) -> Self {
        match algorithm {
            pki::KeyAlgorithm::Rsa2048 => Self::Rsa2048,
            pki::KeyAlgorithm::Rsa3072 => Self::Rsa3072,
            pki::KeyAlgorithm::Rsa4096 => Self::Rsa4096,
            pki::KeyAlgorithm::EcdsaP256 => Self::EcdsaP256,
            pki::KeyAlgorithm::EcdsaP384 => Self::EcdsaP384,
            pki::KeyAlgorithm::EcdsaP521 => Self::EcdsaP521,
            pki::KeyAlgorithm::Ed25519 => Self::Ed25519,
        }
    }
}

impl TryFrom<v1::KeyAlgorithm> for pki::KeyAlgorithm {
    type Error = NoKeyAlgorithm;

    fn try_from(algorithm: v1::KeyAlgorithm) -> Result<Self, NoKeyAlgorithm> {
        match algorithm {
            v1::KeyAlgorithm::Unspecified => Err(NoKeyAlgorithm),
            v1::KeyAlgorithm::Rsa2048 => Ok(Self::Rsa2048),
            v1::KeyAlgorithm::Rsa3072 => Ok(Self::Rsa3072),
            v1::KeyAlgorithm::Rsa4096 => Ok(Self::Rsa4096),
            v1::KeyAlgorithm::EcdsaP256 => Ok(Self::EcdsaP256),
            v1::KeyAlgorithm::EcdsaP384 => Ok(Self::EcdsaP384),
            v1::KeyAlgorithm::EcdsaP521 => Ok(Self::EcdsaP521),
            v1::KeyAlgorithm::Ed25519 => Ok(Self::Ed25519),
        }
    }
}

impl From<&pki::Subject> for v1::Subject {
    fn from(subject: &pki::Subject) -> Self {
        subject.fields().clone().into()
    }
}

/// Fields as they stand in a certificate, which nobody checked.
impl From<pki::SubjectFields> for v1::Subject {
    fn from(fields: pki::SubjectFields) -> Self {
        Self {
            common_name: fields.common_name,
            organization: fields.organization,
            organizational_unit: fields.organizational_unit,
            locality: fields.locality,
            state_or_province: fields.state_or_province,
            country: fields.country,
            email_address: fields.email_address,
        }
    }
}

impl TryFrom<&v1::Subject> for pki::Subject {
    type Error = pki::InvalidFields;

    fn try_from(message: &v1::Subject) -> Result<Self, pki::InvalidFields> {
        let message = message.clone();
        Self::try_from(pki::SubjectFields {
            common_name: message.common_name,
            organization: message.organization,
            organizational_unit: message.organizational_unit,
            locality: message.locality,
            state_or_province: message.state_or_province,
            country: message.country,
            email_address: message.email_address,
        })
    }
}

impl From<&pki::SubjectAltNames> for v1::SubjectAltNames {
    fn from(names: &pki::SubjectAltNames) -> Self {
        Self {
            dns_names: names.dns_names.iter().map(ToString::to_string).collect(),
            ip_addresses: names.ip_addresses.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<&v1::SubjectAltNames> for pki::SubjectAltNames {
    type Error = pki::InvalidFields;

    fn try_from(message: &v1::SubjectAltNames) -> Result<Self, pki::InvalidFields> {
        Self::parse(&message.dns_names, &message.ip_addresses)
    }
}

impl From<&pki::Certificate> for v1::Certificate {
    fn from(certificate: &pki::Certificate) -> Self {
        let names = v1::SubjectAltNames {
            dns_names: certificate.dns_names.clone(),
            ip_addresses: certificate
                .ip_addresses
                .iter()
                .map(ToString::to_string)
                .collect(),
        };
        let algorithm = certificate.key_algorithm.map(v1::KeyAlgorithm::from);
        Self {
            der: certificate.der.clone().into(),
            serial_number: certificate.serial_number.clone(),
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            not_before: Some(timestamp(certificate.not_before)),
            not_after: Some(timestamp(certificate.not_after)),
            subject_alt_names: Some(names),
            key_algorithm: algorithm.unwrap_or_default().into(),
            sha256_fingerprint: certificate.sha256_fingerprint.clone(),
            spki_sha256: certificate.spki_sha256.clone(),
            common_name: certificate.common_name.clone(),
            is_ca: certificate.is_ca,
            self_signed: certificate.self_signed,
        }
    }
}

/// Reads the DER again: the other fields of the message are what was once read from it.
impl TryFrom<&v1::Certificate> for pki::Certificate {
    type Error = UnreadableCertificate;

    fn try_from(message: &v1::Certificate) -> Result<Self, UnreadableCertificate> {
        Ok(Self::parse(&message.der)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_keeps_its_fields_both_ways_and_names_the_wrong_ones() {
        let mut message = v1::Subject {
            common_name: "www.example.com".into(),
            country: "DE".into(),
            ..v1::Subject::default()
        };
        let subject = pki::Subject::try_from(&message).unwrap();
        assert_eq!(v1::Subject::from(&subject), message);

        message.country = "Germany".into();
        let mut violations = Violations::new();
        assert_eq!(
            super::subject("subject", Some(&message), &mut violations),
            None
        );
        let status = violations.into_status();
        assert_eq!(
            crate::refuse::violations(&status)[0].field,
            "subject.country"
        );
    }

    #[test]
    fn every_key_algorithm_goes_both_ways() {
        for algorithm in pki::KeyAlgorithm::ALL {
            let message = v1::KeyAlgorithm::from(algorithm);
            assert_eq!(key_algorithm(message.into()), Ok(algorithm));
        }
        assert_eq!(key_algorithm(0), Err(NoKeyAlgorithm));
        assert_eq!(key_algorithm(99), Err(NoKeyAlgorithm));
    }
}
