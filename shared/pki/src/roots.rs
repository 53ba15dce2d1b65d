//! The public roots that come with Chancery: those that Mozilla has for TLS servers.

use std::{collections::HashMap, sync::LazyLock};

use crate::Certificate;

/// Every root whose subject is this name (DER): most often none or one.
pub fn with_subject(subject: &[u8]) -> &'static [Certificate] {
    ROOTS.get(subject).map(Vec::as_slice).unwrap_or_default()
}

/// Whether this very certificate is one of them.
pub fn contains(certificate: &Certificate) -> bool {
    let named = with_subject(certificate.subject_der());
    named.iter().any(|root| root.der == certificate.der)
}

/// By subject. Read when first asked for: it takes some milliseconds, and stays some hundred KiB.
static ROOTS: LazyLock<HashMap<Vec<u8>, Vec<Certificate>>> = LazyLock::new(|| {
    let mut roots = HashMap::<_, Vec<_>>::new();
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        // A test below proves that each of them is read.
        if let Ok(root) = Certificate::parse(der) {
            roots
                .entry(root.subject_der().to_vec())
                .or_default()
                .push(root);
        }
    }
    roots
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_is_read_self_signed_and_found() {
        for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            let root = Certificate::parse(der).unwrap();
            assert!(root.is_ca && root.self_signed, "{}", root.subject);
            assert!(contains(&root), "{}", root.subject);
        }
        assert!(webpki_root_certs::TLS_SERVER_ROOT_CERTS.len() > 100);
        assert!(with_subject(b"nobody").is_empty());
    }
}
