//! What comes in is parsed here, all fields at once; what comes out of here needs no further checks.

mod checks;
mod dns_provider;
mod wish;

pub(super) use checks::question;
pub(super) use dns_provider::{dns_provider, dns_provider_test, wrong_setting};
pub(super) use wish::wish;

use api::{
    acme::v1::{
        ExternalAccountBinding, PreviewDirectoryRequest, RegisterServerRequest,
        UpdateServerContactRequest,
    },
    refuse::Violations,
    x509::v1::RevocationReason,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use bytes::Bytes;
use http::Uri;
use pki::{EmailAddress, FriendlyName};
use tonic::Status;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::registration::{Binding, Registration};

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

const MAX_REASON: usize = 200;
const MAX_URL: usize = 500;
const MAX_CONTACTS: usize = 5;
const MAX_KEY_ID: usize = 200;
const MAX_HMAC: usize = 512;
const MAX_ROOTS_PEM: usize = 64 * 1024;
const MAX_ROOTS: usize = 10;

#[cfg(test)]
mod tests;
