//! What the keystore writes to the log: one enum per aggregate, each event its message of
//! `chancery.keystore.v1`.

use api::keystore::v1;

eventlog::events! {
    /// What happens to a private key.
    pub enum KeyEvent {
        /// It was made here.
        Generated("generated"): v1::KeyGenerated = "chancery.keystore.v1.KeyGenerated",
    }
}

eventlog::events! {
    /// What happens to a certificate through all its versions.
    pub enum CertificateEvent {
        /// It came from an ACME server: version 1.
        Issued("issued"): v1::CertificateIssued = "chancery.keystore.v1.CertificateIssued",
        /// A new version of it was kept.
        Renewed("renewed"): v1::CertificateRenewed = "chancery.keystore.v1.CertificateRenewed",
        /// It was signed here with its own key: version 1.
        SelfSigned("self-signed"): v1::CertificateSelfSigned = "chancery.keystore.v1.CertificateSelfSigned",
    }
}

eventlog::events! {
    /// What happens to that which gateways serve.
    pub enum TlsEvent {
        /// A gateway was given keys.
        ServingGranted("serving-granted"): v1::ServingGranted = "chancery.keystore.v1.ServingGranted",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use eventlog::EventBody;
    use serde_json::Value;

    use super::*;
    use crate::samples;

    /// Every event that a version has released is a file that no later version may fail to read.
    fn golden<E: EventBody + PartialEq + std::fmt::Debug>(aggregate: &str, event: E) {
        let file = format!("{aggregate}.{}.json", event.name());
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/golden")
            .join(file);
        let text = std::fs::read(&path).unwrap_or_else(|_| {
            panic!(
                "{} is missing: {}",
                path.display(),
                String::from_utf8_lossy(&event.to_json().unwrap())
            )
        });
        assert_eq!(
            E::from_json(event.name(), &text).unwrap(),
            event,
            "{}",
            path.display()
        );
        let written: Value = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
        let released: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(written, released, "{}", path.display());
    }

    #[test]
    fn every_event_reads_and_writes_as_released() {
        golden("key", samples::generated());
        golden("certificate", samples::issued());
        golden("certificate", samples::renewed());
        golden("certificate", samples::self_signed());
        golden("tls", samples::serving_granted());
    }

    #[test]
    fn an_event_of_another_version_is_not_taken_for_one_of_ours() {
        assert!(KeyEvent::from_json("destroyed", b"{}").is_err());
        assert!(CertificateEvent::from_json("issued", b"[]").is_err());
    }
}
