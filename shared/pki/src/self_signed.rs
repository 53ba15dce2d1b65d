//! Certificates that are signed with their own key.

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SerialNumber};
use time::OffsetDateTime;

use crate::{PrivateKey, Subject, SubjectAltNames, csr::BuildError};

/// Builds a self-signed server certificate, DER: CA:false, serverAuth, a serial number of 126 random bits.
///
/// # Errors
/// [`BuildError`], where encoding or signing fails.
pub fn build(
    key: &PrivateKey,
    subject: &Subject,
    names: &SubjectAltNames,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
) -> Result<Vec<u8>, BuildError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject.distinguished_name().map_err(BuildError::Name)?;
    params.subject_alt_names = names.general_names().map_err(BuildError::Name)?;
    params.not_before = not_before;
    params.not_after = not_after;
    params.serial_number = Some(random_serial_number()?);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if key.algorithm().is_rsa() {
        params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(key).map_err(BuildError::Sign)?;
    Ok(certificate.der().to_vec())
}

/// Positive, and never zero octets in front (RFC 5280, section 4.1.2.2).
fn random_serial_number() -> Result<SerialNumber, BuildError> {
    let mut octets = [0; 16];
    aws_lc_rs::rand::fill(&mut octets)
        .map_err(|_| BuildError::Sign(rcgen::Error::RingUnspecified))?;
    octets[0] = octets[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&octets))
}
