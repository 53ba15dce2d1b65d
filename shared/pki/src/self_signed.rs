//! Certificates that are signed with their own key.

use rcgen::{SanType, SerialNumber, string::Ia5String};
use time::{OffsetDateTime, UtcOffset};

use crate::{PrivateKey, Subject, SubjectAltNames, SubjectFields, csr::BuildError, extensions};

/// Builds a self-signed server certificate, DER: CA:false, serverAuth, a serial number of 126 random bits.
/// An empty subject becomes the first of the names.
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
    let named;
    let subject = if subject.is_empty() {
        named = by_first_name(names);
        &named
    } else {
        subject
    };
    let mut params = extensions::of_a_server(key, subject, names)?;
    // Whole seconds of UTC, as they stand in the certificate.
    params.not_before = not_before.to_offset(UtcOffset::UTC);
    params.not_after = not_after.to_offset(UtcOffset::UTC);
    params.serial_number = Some(random_serial_number()?);
    params.use_authority_key_identifier_extension = true;
    // A subject's address has to be named here too (RFC 5280, section 4.1.2.6). A request leaves that to the CA:
    // public ones may not do it for a server, and refuse who asks.
    let email = subject.fields().email_address.as_str();
    if !email.is_empty() {
        let email = Ia5String::try_from(email).map_err(BuildError::Name)?;
        params.subject_alt_names.push(SanType::Rfc822Name(email));
    }
    let certificate = params.self_signed(key).map_err(BuildError::Sign)?;
    Ok(certificate.der().to_vec())
}

/// A subject for a certificate that was given none: it is the issuer too, and that has to have a name (RFC 5280,
/// section 4.1.2.4). It is called by its first name that is short enough for a CN.
fn by_first_name(names: &SubjectAltNames) -> Subject {
    let dns = names.dns_names.iter().map(ToString::to_string);
    let ip = names.ip_addresses.iter().map(ToString::to_string);
    let mut names = dns.chain(ip).chain(["self-signed".to_owned()]);
    let subject = names.find_map(|common_name| {
        let fields = SubjectFields {
            common_name,
            ..SubjectFields::default()
        };
        Subject::try_from(fields).ok()
    });
    subject.unwrap_or_default()
}

/// Positive, and never zero octets in front (RFC 5280, section 4.1.2.2).
fn random_serial_number() -> Result<SerialNumber, BuildError> {
    let mut octets = [0; 16];
    aws_lc_rs::rand::fill(&mut octets)
        .map_err(|_| BuildError::Sign(rcgen::Error::RingUnspecified))?;
    octets[0] = octets[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&octets))
}
