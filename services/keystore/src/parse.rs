//! What a request must be like: every field is checked, and all that is wrong is named at once.

pub mod files;

use api::{
    convert::{self, id},
    keystore::v1::{
        self, AddCertificateRequest, MarkRevokedRequest, ReleaseCertificateRequest,
        RenameCertificateRequest, ReserveRequestRequest, SignCheckpointRequest, SignRequestRequest,
        SignSelfSignedRequest, key_choice::Key,
    },
    refuse::Violations,
    x509::v1::RevocationReason,
};
use bytes::Bytes;
use eventlog::proof::{Head, NoteError, note};
use pki::{Certificate, FriendlyName, Subject, SubjectAltNames};
use time::Duration;
use tonic::Status;
use uuid::Uuid;

use crate::{
    commands::{AddCertificate, KeyChoice, Naming, Place, ReserveRequest, SelfSign},
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
    let names = convert::required_subject_alt_names(
        "subject_alt_names",
        request.subject_alt_names.as_ref(),
        &mut violations,
    );
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
    let key = key_choice(request.key.as_ref(), &mut violations);
    let name = friendly_name(&request.friendly_name, &mut violations);
    let subject = convert::subject("subject", request.subject.as_ref(), &mut violations);
    let names = convert::required_subject_alt_names(
        "subject_alt_names",
        request.subject_alt_names.as_ref(),
        &mut violations,
    );
    if !(1..=MAX_DAYS).contains(&request.days) {
        violations.add(
            "days",
            format!("a self-signed certificate lives 1 to {MAX_DAYS} days"),
        );
    }
    match (key, name, subject, names) {
        (Some(key), Some(friendly_name), Some(subject), Some(names)) if violations.is_empty() => {
            Ok(SelfSign {
                key,
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

pub fn reserve_request(request: &ReserveRequestRequest) -> Result<ReserveRequest, Status> {
    let mut violations = Violations::new();
    let request_id = id("request_id", &request.request_id, &mut violations);
    let key = key_choice(request.key.as_ref(), &mut violations);
    let name = friendly_name(&request.friendly_name, &mut violations);
    let subject = convert::subject("subject", request.subject.as_ref(), &mut violations);
    let names = convert::required_subject_alt_names(
        "subject_alt_names",
        request.subject_alt_names.as_ref(),
        &mut violations,
    );
    match (request_id, key, name, subject, names) {
        (Some(request_id), Some(key), Some(friendly_name), Some(subject), Some(names)) => {
            Ok(ReserveRequest {
                request_id,
                friendly_name,
                key,
                subject,
                names,
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

pub fn release_certificate(request: &ReleaseCertificateRequest) -> Result<(Uuid, Uuid), Status> {
    let mut violations = Violations::new();
    let certificate = id("certificate_id", &request.certificate_id, &mut violations);
    let automation = id("automation_id", &request.automation_id, &mut violations);
    match (certificate, automation) {
        (Some(certificate), Some(automation)) => Ok((certificate, automation)),
        _ => Err(violations.into_status()),
    }
}

pub fn mark_revoked(request: &MarkRevokedRequest) -> Result<(Uuid, u32, RevocationReason), Status> {
    let mut violations = Violations::new();
    let id = id("certificate_id", &request.certificate_id, &mut violations);
    let reason = RevocationReason::try_from(request.reason);
    let reason = violations.check(
        "reason",
        reason.map_err(|_| "this reason is not known here"),
    );
    match (id, reason) {
        (Some(id), Some(reason)) => Ok((id, request.version, reason)),
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

/// The head of a log's tree.
pub fn head(request: &SignCheckpointRequest) -> Result<Head, Status> {
    let mut violations = Violations::new();
    if !note::is_name(&request.origin) {
        violations.add("origin", NoteError::NotAName.to_string());
    }
    let root = <[u8; 32]>::try_from(&*request.root_hash);
    match violations.check("root_hash", root.map_err(|_| "is not 32 octets long")) {
        Some(root) if violations.is_empty() => Ok(Head {
            origin: request.origin.clone(),
            size: request.size,
            root,
        }),
        _ => Err(violations.into_status()),
    }
}

/// The one id that a request has.
pub fn one_id(field: &str, text: &str) -> Result<Uuid, Status> {
    let mut violations = Violations::new();
    let id = id(field, text, &mut violations);
    id.ok_or_else(|| violations.into_status())
}

/// Some ids, none twice, at most [`MAX_ITEMS`].
pub fn ids(field: &str, texts: &[String]) -> Result<Vec<Uuid>, Status> {
    let mut violations = Violations::new();
    if !(1..=MAX_ITEMS).contains(&texts.len()) {
        violations.add(field, format!("give 1 to {MAX_ITEMS} ids"));
        return Err(violations.into_status());
    }
    let mut ids = Vec::with_capacity(texts.len());
    for (n, text) in texts.iter().enumerate() {
        let id = id(&format!("{field}[{n}]"), text, &mut violations);
        ids.extend(id.filter(|id| !ids.contains(id)));
    }
    match violations.is_empty() {
        true => Ok(ids),
        false => Err(violations.into_status()),
    }
}

pub fn rename(request: &RenameCertificateRequest) -> Result<(Uuid, FriendlyName), Status> {
    let mut violations = Violations::new();
    let id = id("certificate_id", &request.certificate_id, &mut violations);
    let name = friendly_name(&request.friendly_name, &mut violations);
    id.zip(name).ok_or_else(|| violations.into_status())
}

fn friendly_name(text: &str, violations: &mut Violations) -> Option<FriendlyName> {
    violations.check("friendly_name", FriendlyName::try_from(text))
}

fn key_choice(choice: Option<&v1::KeyChoice>, violations: &mut Violations) -> Option<KeyChoice> {
    match choice.and_then(|choice| choice.key.as_ref()) {
        Some(Key::ExistingKeyId(text)) => {
            id("key.existing_key_id", text, violations).map(KeyChoice::Existing)
        }
        Some(Key::NewKey(number)) => {
            let algorithm = convert::key_algorithm(*number);
            let algorithm = violations.check("key.new_key", algorithm);
            algorithm.map(KeyChoice::New)
        }
        None => {
            violations.add("key", "choose a new key or one that is here");
            None
        }
    }
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

/// Things that one command may be about.
const MAX_ITEMS: usize = 100;
const MAX_DAYS: u32 = 3_650;
const MAX_SECRET: usize = 64 * 1_024;
const MAX_CHAIN: usize = 10;
const MAX_CERTIFICATE: usize = 64 * 1_024;
/// All of it goes into one event, in base64 and with what was read from it; a message has 1 MiB at most.
const MAX_CHAIN_LENGTH: usize = 128 * 1_024;

#[cfg(test)]
mod tests;
