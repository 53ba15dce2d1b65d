//! What the keystore writes to the log: one enum per aggregate, each event its message of
//! `chancery.keystore.v1`.

use api::keystore::v1;

eventlog::events! {
    /// What happens to a private key.
    pub enum KeyEvent {
        /// It was made here.
        Generated("generated"): v1::KeyGenerated = "chancery.keystore.v1.KeyGenerated",
        /// It came in from outside.
        Imported("imported"): v1::KeyImported = "chancery.keystore.v1.KeyImported",
        /// It is about to leave.
        Exported("exported"): v1::KeyExported = "chancery.keystore.v1.KeyExported",
        /// It is shredded.
        Destroyed("destroyed"): v1::KeyDestroyed = "chancery.keystore.v1.KeyDestroyed",
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
        /// It came in from outside: version 1.
        Imported("imported"): v1::CertificateImported = "chancery.keystore.v1.CertificateImported",
        /// Issuers that were missing are here.
        ChainCompleted("chain-completed"): v1::CertificateChainCompleted = "chancery.keystore.v1.CertificateChainCompleted",
        /// It has another name.
        Renamed("renamed"): v1::CertificateRenamed = "chancery.keystore.v1.CertificateRenamed",
        /// It is about to leave.
        Exported("exported"): v1::CertificateExported = "chancery.keystore.v1.CertificateExported",
        /// No automation manages it any more.
        Released("released"): v1::CertificateReleased = "chancery.keystore.v1.CertificateReleased",
        /// Its CA has revoked a version.
        Revoked("revoked"): v1::CertificateRevoked = "chancery.keystore.v1.CertificateRevoked",
        /// It is gone, but for its key.
        Deleted("deleted"): v1::CertificateDeleted = "chancery.keystore.v1.CertificateDeleted",
        /// It is back.
        Restored("restored"): v1::CertificateRestored = "chancery.keystore.v1.CertificateRestored",
    }
}

eventlog::events! {
    /// What happens to that which gateways serve.
    pub enum TlsEvent {
        /// A gateway was given keys.
        ServingGranted("serving-granted"): v1::ServingGranted = "chancery.keystore.v1.ServingGranted",
        /// A certificate is the default.
        DefaultSelected("default-selected"): v1::DefaultSelected = "chancery.keystore.v1.DefaultSelected",
        /// None is the default any more.
        DefaultCleared("default-cleared"): v1::DefaultCleared = "chancery.keystore.v1.DefaultCleared",
    }
}

eventlog::events! {
    /// What happens to the key-encryption key.
    pub enum KekEvent {
        /// Nothing is sealed with the old one any more.
        Rotated("rotated"): v1::KekRotated = "chancery.keystore.v1.KekRotated",
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
        golden("key", samples::key_imported());
        golden("key", samples::key_exported());
        golden("key", samples::key_destroyed());
        golden("certificate", samples::issued());
        golden("certificate", samples::renewed());
        golden("certificate", samples::self_signed());
        golden("certificate", samples::imported());
        golden("certificate", samples::chain_completed());
        golden("certificate", samples::renamed());
        golden("certificate", samples::exported());
        golden("certificate", samples::released());
        golden("certificate", samples::revoked());
        golden("certificate", samples::deleted());
        golden("certificate", samples::restored());
        golden("tls", samples::serving_granted());
        golden("tls", samples::default_selected());
        golden("tls", samples::default_cleared());
        golden("kek", samples::kek_rotated());
    }

    #[test]
    fn an_event_of_another_version_is_not_taken_for_one_of_ours() {
        assert!(KeyEvent::from_json("lost", b"{}").is_err());
        assert!(CertificateEvent::from_json("issued", b"[]").is_err());
    }
}
