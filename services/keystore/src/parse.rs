//! What a request must be like: every field is checked, and all that is wrong is named at once.

use api::{
    convert,
    keystore::v1::{AddCertificateRequest, SignRequestRequest, SignSelfSignedRequest, key_choice},
    refuse::Violations,
};
use bytes::Bytes;
use pki::{Certificate, FriendlyName, Subject, SubjectAltNames};
use time::Duration;
use tonic::Status;
use uuid::Uuid;

use crate::{
    commands::{AddCertificate, Naming, Place, SelfSign},
    secrets::SecretName,
};

/// What a certificate request is built from.
#[derive(Debug)]
pub struct SignRequest {
    /// The key that signs.
    pub key_id: Uuid,
    /// Who it is for.
    pub subject: Subject,
    /// The names that are asked for.
    pub names: SubjectAltNames,
}

pub fn sign_request(request: &SignRequestRequest) -> Result<SignRequest, Status> {
    let mut violations = Violations::new();
    let key_id = id("key_id", &request.key_id, &mut violations);
    let subject = convert::subject("subject", request.subject.as_ref(), &mut violations);
    let names = names(request.subject_alt_names.as_ref(), &mut violations);
    match (key_id, subject, names) {
        (Some(key_id), Some(subject), Some(names)) => Ok(SignRequest {
            key_id,
            subject,
            names,
        }),
        _ => Err(violations.into_status()),
    }
}

pub fn self_sign(request: &SignSelfSignedRequest) -> Result<SelfSign, Status> {
    let mut violations = Violations::new();
    let existing = match request.key.as_ref().and_then(|choice| choice.key.as_ref()) {
        Some(key_choice::Key::ExistingKeyId(id)) => id.as_str(),
        _ => "",
    };
    let key_id = id("key", existing, &mut violations);
    let name = FriendlyName::try_from(request.friendly_name.as_str());
    let name = violations.check("friendly_name", name);
    let subject = convert::subject("subject", request.subject.as_ref(), &mut violations);
    let names = names(request.subject_alt_names.as_ref(), &mut violations);
    if !(1..=MAX_DAYS).contains(&request.days) {
        violations.add(
            "days",
            format!("a self-signed certificate lives 1 to {MAX_DAYS} days"),
        );
    }
    match (key_id, name, subject, names) {
        (Some(key_id), Some(friendly_name), Some(subject), Some(names))
            if violations.is_empty() =>
        {
            Ok(SelfSign {
                key_id,
                friendly_name,
                naming: Naming::Exact,
                subject,
                names,
                life: Duration::days(request.days.into()),
                factory: false,
            })
        }
        _ => Err(violations.into_status()),
    }
}

pub fn add_certificate(request: &AddCertificateRequest) -> Result<AddCertificate, Status> {
    let mut violations = Violations::new();
    let key_id = id("key_id", &request.key_id, &mut violations);
    let automation_id = match request.automation_id.as_str() {
        "" => String::new(),
        // As ids are written here, for whom it belongs to is decided by this text.
        text => id("automation_id", text, &mut violations)
            .map(|id| id.to_string())
            .unwrap_or_default(),
    };
    let place = if request.certificate_id.is_empty() {
        let name = FriendlyName::try_from(request.friendly_name.as_str());
        violations.check("friendly_name", name).map(Place::New)
    } else {
        id("certificate_id", &request.certificate_id, &mut violations).map(Place::VersionOf)
    };
    let mut chain = chain(&request.chain_der, &mut violations).into_iter();
    match (key_id, place, chain.next()) {
        (Some(key_id), Some(place), Some(leaf)) if violations.is_empty() => Ok(AddCertificate {
            key_id,
            leaf,
            issuers: chain.collect(),
            place,
            automation_id,
        }),
        _ => Err(violations.into_status()),
    }
}

pub fn secret_name(name: &str) -> Result<SecretName, Status> {
    let mut violations = Violations::new();
    let parsed = violations.check("name", SecretName::try_from(name));
    parsed.ok_or_else(|| violations.into_status())
}

pub fn secret(name: &str, secret: &[u8]) -> Result<SecretName, Status> {
    let mut violations = Violations::new();
    let parsed = violations.check("name", SecretName::try_from(name));
    if !(1..=MAX_SECRET).contains(&secret.len()) {
        violations.add("secret", format!("a secret has 1 to {MAX_SECRET} bytes"));
    }
    match parsed {
        Some(name) if violations.is_empty() => Ok(name),
        _ => Err(violations.into_status()),
    }
}

fn id(field: &str, text: &str, violations: &mut Violations) -> Option<Uuid> {
    let parsed = Uuid::try_parse(text).map_err(|_| "this is not an id: a UUID is needed");
    violations.check(field, parsed)
}

fn names(
    message: Option<&api::x509::v1::SubjectAltNames>,
    violations: &mut Violations,
) -> Option<SubjectAltNames> {
    let names = convert::subject_alt_names("subject_alt_names", message, violations)?;
    if names.is_empty() {
        // Clients have long stopped looking at the common name (RFC 9525, section 2).
        violations.add(
            "subject_alt_names",
            "give at least one DNS name or IP address",
        );
        return None;
    }
    Some(names)
}

fn chain(chain: &[Bytes], violations: &mut Violations) -> Vec<Certificate> {
    if !(1..=MAX_CHAIN).contains(&chain.len()) {
        violations.add(
            "chain_der",
            format!("give 1 to {MAX_CHAIN} certificates, the leaf first"),
        );
        return Vec::new();
    }
    let length = chain.iter().map(Bytes::len).sum::<usize>();
    if length > MAX_CHAIN_LENGTH {
        violations.add(
            "chain_der",
            format!("the certificates have at most {MAX_CHAIN_LENGTH} bytes together"),
        );
        return Vec::new();
    }
    let certificates = chain.iter().enumerate().filter_map(|(n, der)| {
        let field = format!("chain_der[{n}]");
        if der.len() > MAX_CERTIFICATE {
            violations.add(
                field,
                format!("a certificate has at most {MAX_CERTIFICATE} bytes"),
            );
            return None;
        }
        violations.check(&field, Certificate::parse(der))
    });
    certificates.collect()
}

const MAX_DAYS: u32 = 3_650;
const MAX_SECRET: usize = 64 * 1_024;
const MAX_CHAIN: usize = 10;
const MAX_CERTIFICATE: usize = 64 * 1_024;
/// All of it goes into one event, in base64 and with what was read from it; a message has 1 MiB at most.
const MAX_CHAIN_LENGTH: usize = 128 * 1_024;

#[cfg(test)]
mod tests {
    use api::refuse::violations;

    use super::*;

    fn fields(status: &Status) -> Vec<String> {
        violations(status).into_iter().map(|v| v.field).collect()
    }

    #[test]
    fn everything_wrong_with_a_certificate_is_named_at_once() {
        let request = AddCertificateRequest {
            key_id: "7".into(),
            chain_der: vec![
                Bytes::from_static(b"no"),
                Bytes::from_static(b"certificate"),
            ],
            automation_id: "x".into(),
            ..AddCertificateRequest::default()
        };
        let refused = add_certificate(&request).unwrap_err();
        let expected = [
            "automation_id",
            "chain_der[0]",
            "chain_der[1]",
            "friendly_name",
            "key_id",
        ];
        assert_eq!(fields(&refused), expected);
    }

    #[test]
    fn a_chain_has_an_end() {
        let request = AddCertificateRequest {
            key_id: Uuid::nil().to_string(),
            friendly_name: "shop".into(),
            chain_der: vec![Bytes::new(); 11],
            ..AddCertificateRequest::default()
        };
        assert_eq!(
            fields(&add_certificate(&request).unwrap_err()),
            ["chain_der"]
        );
    }

    #[test]
    fn a_chain_fits_into_one_event() {
        let request = AddCertificateRequest {
            key_id: Uuid::nil().to_string(),
            friendly_name: "shop".into(),
            chain_der: vec![Bytes::from(vec![0x30; MAX_CERTIFICATE]); 3],
            ..AddCertificateRequest::default()
        };
        assert_eq!(
            fields(&add_certificate(&request).unwrap_err()),
            ["chain_der"]
        );
    }

    #[test]
    fn an_automation_is_the_same_however_its_id_is_written() {
        let chain = crate::samples::first_chain();
        let request = AddCertificateRequest {
            key_id: Uuid::nil().to_string(),
            friendly_name: "shop".into(),
            chain_der: vec![chain.leaf.der.into()],
            automation_id: format!("{{{}}}", crate::samples::AUTOMATION.to_uppercase()),
            ..AddCertificateRequest::default()
        };
        let parsed = add_certificate(&request).unwrap();
        assert_eq!(parsed.automation_id, crate::samples::AUTOMATION);
    }

    #[test]
    fn a_certificate_without_names_is_not_signed() {
        let request = SignSelfSignedRequest {
            key: Some(api::keystore::v1::KeyChoice {
                key: Some(key_choice::Key::ExistingKeyId(Uuid::nil().to_string())),
            }),
            friendly_name: "shop".into(),
            days: 4_000,
            ..SignSelfSignedRequest::default()
        };
        assert_eq!(
            fields(&self_sign(&request).unwrap_err()),
            ["days", "subject_alt_names"]
        );
    }

    #[test]
    fn secrets_are_bounded() {
        assert_eq!(
            fields(&secret("account-key/1", b"").unwrap_err()),
            ["secret"]
        );
        assert_eq!(
            fields(&secret("A", &vec![0; MAX_SECRET + 1]).unwrap_err()),
            ["name", "secret"]
        );
        assert!(secret("account-key/1", &[0; MAX_SECRET]).is_ok());
    }
}
