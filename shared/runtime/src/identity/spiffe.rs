//! Names of services in certificates: SPIFFE ids (SPIFFE X.509-SVID, section 2).

use thiserror::Error;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

/// The id of a service: `spiffe://chancery/<name>`.
pub fn id(name: &str) -> String {
    format!("{TRUST_DOMAIN}{name}")
}

/// The name of the service that a certificate (DER) is for. Says nothing about who issued it.
///
/// # Errors
/// When there is not exactly one URI among its names, or that is not one of ours.
pub fn name_of(certificate_der: &[u8]) -> Result<String, NameError> {
    let (_, certificate) =
        X509Certificate::from_der(certificate_der).map_err(|_| NameError::NotACertificate)?;
    let names = certificate
        .subject_alternative_name()
        .map_err(|_| NameError::NotACertificate)?;
    let names = names
        .iter()
        .flat_map(|extension| &extension.value.general_names);
    let mut uris = names.filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (Some(uri), None) => name_in(uri).ok_or_else(|| NameError::Foreign(uri.to_owned())),
        _ => Err(NameError::NotOne),
    }
}

/// A certificate is not that of one of our services.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// It cannot be read.
    #[error("it is not an X.509 certificate")]
    NotACertificate,
    /// It has no URI among its names, or several.
    #[error("it does not have exactly one SPIFFE id")]
    NotOne,
    /// Its URI is another's.
    #[error("{0:?} is not the id of a service of ours")]
    Foreign(String),
}

fn name_in(uri: &str) -> Option<String> {
    let name = uri.strip_prefix(TRUST_DOMAIN)?;
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    ((1..=63).contains(&name.len()) && name.bytes().all(allowed)).then(|| name.to_owned())
}

const TRUST_DOMAIN: &str = "spiffe://chancery/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_of_our_trust_domain_are_read() {
        assert_eq!(name_in(&id("acme-agent")).as_deref(), Some("acme-agent"));
        for uri in [
            "spiffe://chancery/",
            "spiffe://other/gateway",
            "spiffe://chancery/a/b",
            "spiffe://chancery/Gateway",
            "spiffe://chancery.example/gateway",
            "https://chancery/gateway",
        ] {
            assert_eq!(name_in(uri), None, "{uri}");
        }
    }
}
