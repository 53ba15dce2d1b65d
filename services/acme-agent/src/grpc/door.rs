//! What comes in is parsed here, all fields at once; what comes out of here needs no further checks.

mod checks;

pub(super) use checks::question;

use api::{
    acme::v1::{
        ChallengeType, ExternalAccountBinding, PreviewDirectoryRequest, RegisterServerRequest,
        RequestCertificateRequest, UpdateServerContactRequest,
    },
    refuse::Violations,
    x509::v1::{KeyAlgorithm, RevocationReason},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use bytes::Bytes;
use http::Uri;
use pki::{DnsName, EmailAddress, FriendlyName};
use tonic::Status;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    registration::{Binding, Registration},
    requests::Wish,
};

/// An id that a caller got from us.
pub(super) fn id(field: &str, text: &str) -> Result<Uuid, Status> {
    Uuid::parse_str(text).map_err(|_| {
        let mut violations = Violations::new();
        violations.add(field, "it is not a UUID such as Chancery's answers hold");
        violations.into_status()
    })
}

/// Why an automation is paused, for the log.
pub(super) fn reason(text: &str) -> Result<String, Status> {
    let text = text.trim();
    if text.chars().count() <= MAX_REASON && !text.contains(char::is_control) {
        return Ok(text.to_owned());
    }
    let mut violations = Violations::new();
    let description = format!("it has at most {MAX_REASON} characters, on one line");
    violations.add("reason", description);
    Err(violations.into_status())
}

/// Why a certificate is revoked.
pub(super) fn revocation_reason(number: i32) -> Result<RevocationReason, Status> {
    RevocationReason::try_from(number).map_err(|_| {
        let mut violations = Violations::new();
        violations.add("reason", "this reason is not known here");
        violations.into_status()
    })
}

/// A server to register.
pub(super) fn registration(message: &RegisterServerRequest) -> Result<Registration, Status> {
    let mut violations = Violations::new();
    let name = FriendlyName::try_from(message.name.as_str());
    let name = violations.check("name", name);
    let directory_url = directory_url(&message.directory_url);
    let directory_url = violations.check("directory_url", directory_url);
    let contact_emails = contact_emails(&message.contact_emails, &mut violations);
    let binding = message.external_account_binding.as_ref();
    let binding = binding.map(|b| self::binding(b, &mut violations));
    let roots = violations.check("trusted_roots_pem", roots(&message.trusted_roots_pem));
    match (name, directory_url, roots) {
        (Some(name), Some(directory_url), Some(trusted_roots_der)) if violations.is_empty() => {
            Ok(Registration {
                name,
                directory_url,
                contact_emails,
                terms_agreed: message.terms_of_service_agreed,
                binding: binding.flatten(),
                trusted_roots_der,
            })
        }
        _ => Err(violations.into_status()),
    }
}

/// A directory to read, and the roots to trust there.
pub(super) fn directory(message: &PreviewDirectoryRequest) -> Result<(String, Vec<Bytes>), Status> {
    let mut violations = Violations::new();
    let url = violations.check("directory_url", directory_url(&message.directory_url));
    let roots = violations.check("trusted_roots_pem", roots(&message.trusted_roots_pem));
    match (url, roots) {
        (Some(url), Some(roots)) => Ok((url, roots)),
        _ => Err(violations.into_status()),
    }
}

/// A server, and the contact addresses that it is to have.
pub(super) fn contact(message: &UpdateServerContactRequest) -> Result<(Uuid, Vec<String>), Status> {
    let server = id("server_id", &message.server_id)?;
    let mut violations = Violations::new();
    let emails = contact_emails(&message.contact_emails, &mut violations);
    match violations.is_empty() {
        true => Ok((server, emails)),
        false => Err(violations.into_status()),
    }
}

/// A certificate to get.
pub(super) fn wish(message: &RequestCertificateRequest) -> Result<Wish, Status> {
    let mut violations = Violations::new();
    let server = violations.check("server", FriendlyName::try_from(message.server.as_str()));
    let dns_names = dns_names(&message.dns_names, &mut violations);
    let challenge_type = challenge_type(message.challenge_type);
    let challenge_type = violations.check("challenge_type", challenge_type);
    if let Some(ChallengeType::Http01) = challenge_type {
        for (n, _) in wildcards(&message.dns_names) {
            let description = "HTTP-01 cannot prove control over a wildcard; name each host";
            violations.add(format!("dns_names[{n}]"), description);
        }
    }
    let key_algorithm = key_algorithm(message.key_algorithm);
    let key_algorithm = violations.check("key_algorithm", key_algorithm);
    let friendly_name = match (message.friendly_name.as_str(), dns_names.first()) {
        // Nothing to add: that there is no host name is noted already.
        ("", None) => None,
        ("", Some(first)) => {
            // A host name may be longer than a friendly name.
            let first = first.chars().take(FriendlyName::MAX).collect::<String>();
            violations.check("friendly_name", FriendlyName::try_from(first.as_str()))
        }
        (given, _) => violations.check("friendly_name", FriendlyName::try_from(given)),
    };
    let profile = violations.check("profile", profile(&message.profile));
    match (
        server,
        challenge_type,
        key_algorithm,
        friendly_name,
        profile,
    ) {
        (
            Some(server),
            Some(challenge_type),
            Some(key_algorithm),
            Some(friendly_name),
            Some(profile),
        ) if violations.is_empty() => Ok(Wish {
            server: server.into(),
            dns_names,
            key_algorithm,
            challenge_type,
            friendly_name,
            profile,
        }),
        _ => Err(violations.into_status()),
    }
}

fn directory_url(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.len() > MAX_URL {
        return Err(format!("it has more than {MAX_URL} characters"));
    }
    let wrong = "it is not an https URL such as \"https://acme.example/directory\"";
    let uri = text.parse::<Uri>().map_err(|_| wrong.to_owned())?;
    let authority = uri.authority().filter(|a| !a.as_str().contains('@'));
    match (uri.scheme_str(), authority) {
        (Some("https"), Some(_)) => Ok(text.to_owned()),
        _ => Err(wrong.to_owned()),
    }
}

fn contact_emails(emails: &[String], violations: &mut Violations) -> Vec<String> {
    if emails.len() > MAX_CONTACTS {
        let description = format!(
            "there are {}; at most {MAX_CONTACTS} are allowed",
            emails.len()
        );
        violations.add("contact_emails", description);
        return Vec::new();
    }
    let parsed = emails.iter().enumerate().filter_map(|(n, email)| {
        let email = EmailAddress::try_from(email.as_str());
        violations.check(&format!("contact_emails[{n}]"), email)
    });
    parsed.map(String::from).collect()
}

/// Says where the HMAC key is wrong, and never what it is.
fn binding(message: &ExternalAccountBinding, violations: &mut Violations) -> Option<Binding> {
    let key_id = message.key_id.trim();
    let key_id =
        if key_id.is_empty() || key_id.len() > MAX_KEY_ID || key_id.contains(char::is_control) {
            let description = format!("it must have 1 to {MAX_KEY_ID} visible characters");
            violations.add("external_account_binding.key_id", description);
            None
        } else {
            Some(key_id.to_owned())
        };
    // Some CAs show padding, which base64url in JOSE has none of.
    let text = message.hmac_key.trim().trim_end_matches('=');
    let hmac = match BASE64URL.decode(text).map(Zeroizing::new) {
        Ok(hmac) if (1..=MAX_HMAC).contains(&hmac.len()) => Some(hmac),
        _ => {
            let description = "it is not base64url: copy it as the CA shows it";
            violations.add("external_account_binding.hmac_key", description);
            None
        }
    };
    Some(Binding {
        key_id: key_id?,
        hmac: hmac?,
    })
}

fn roots(pem: &str) -> Result<Vec<Bytes>, String> {
    if pem.trim().is_empty() {
        return Ok(Vec::new());
    }
    if pem.len() > MAX_ROOTS_PEM {
        return Err(format!("it is larger than {MAX_ROOTS_PEM} bytes"));
    }
    let roots = pki::parse_pem_chain(pem).map_err(|e| e.to_string())?;
    if roots.len() > MAX_ROOTS {
        return Err(format!(
            "it has {} certificates; at most {MAX_ROOTS} are allowed",
            roots.len()
        ));
    }
    Ok(roots.into_iter().map(|root| root.der.into()).collect())
}

fn dns_names(texts: &[String], violations: &mut Violations) -> Vec<DnsName> {
    if texts.is_empty() || texts.len() > MAX_NAMES {
        let description = format!(
            "there are {}; give 1 to {MAX_NAMES} host names",
            texts.len()
        );
        violations.add("dns_names", description);
        return Vec::new();
    }
    let mut names = Vec::<DnsName>::new();
    for (n, text) in texts.iter().enumerate() {
        let field = format!("dns_names[{n}]");
        let Some(name) = violations.check(&field, DnsName::try_from(text.as_str())) else {
            continue;
        };
        if !name.is_fully_qualified() {
            let description =
                "it has no dot: a CA issues for whole names such as \"www.example.com\"";
            violations.add(field, description);
        } else if let Some(same) = names.iter().position(|other| *other == name) {
            violations.add(field, format!("it is the same as dns_names[{same}]"));
        } else {
            names.push(name);
        }
    }
    names
}

fn wildcards(texts: &[String]) -> impl Iterator<Item = (usize, &String)> {
    let texts = texts.iter().take(MAX_NAMES).enumerate();
    texts.filter(|(_, text)| text.trim().starts_with("*."))
}

fn challenge_type(number: i32) -> Result<ChallengeType, &'static str> {
    match ChallengeType::try_from(number) {
        Ok(ChallengeType::Unspecified | ChallengeType::Http01) => Ok(ChallengeType::Http01),
        _ => Err("this challenge is not known here; use HTTP-01"),
    }
}

fn key_algorithm(number: i32) -> Result<KeyAlgorithm, String> {
    if number == KeyAlgorithm::Unspecified as i32 {
        return Ok(KeyAlgorithm::EcdsaP256);
    }
    let algorithm = api::convert::key_algorithm(number);
    algorithm.map(KeyAlgorithm::from).map_err(|e| e.to_string())
}

fn profile(text: &str) -> Result<String, &'static str> {
    let allowed = |b: u8| b.is_ascii_graphic();
    if text.len() <= MAX_PROFILE && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("a profile's name has at most 100 visible ASCII characters")
    }
}

const MAX_REASON: usize = 200;
const MAX_URL: usize = 500;
const MAX_CONTACTS: usize = 5;
const MAX_KEY_ID: usize = 200;
const MAX_HMAC: usize = 512;
const MAX_ROOTS_PEM: usize = 64 * 1024;
const MAX_ROOTS: usize = 10;
const MAX_NAMES: usize = 100;
const MAX_PROFILE: usize = 100;

#[cfg(test)]
mod tests;
