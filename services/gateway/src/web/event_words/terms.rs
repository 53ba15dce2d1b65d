//! Enums of the log, as people write them.

use api::{
    options::v1::Role,
    x509::v1::{KeyAlgorithm, RevocationReason},
};

use crate::web::wording;

/// A role, by its name in the log.
pub(super) fn role(name: &str) -> String {
    let role = Role::from_str_name(name).unwrap_or_default();
    wording::role(role).to_owned()
}

/// A key's algorithm, likewise; empty where it is not told.
pub(super) fn algorithm(name: &str) -> String {
    let words = match KeyAlgorithm::from_str_name(name).unwrap_or_default() {
        KeyAlgorithm::Unspecified => "",
        KeyAlgorithm::Rsa2048 => "RSA 2048",
        KeyAlgorithm::Rsa3072 => "RSA 3072",
        KeyAlgorithm::Rsa4096 => "RSA 4096",
        KeyAlgorithm::EcdsaP256 => "ECDSA P-256",
        KeyAlgorithm::EcdsaP384 => "ECDSA P-384",
        KeyAlgorithm::EcdsaP521 => "ECDSA P-521",
        KeyAlgorithm::Ed25519 => "Ed25519",
    };
    words.to_owned()
}

/// Why a certificate was revoked, likewise.
pub(super) fn revocation(name: &str) -> String {
    let words = match RevocationReason::from_str_name(name).unwrap_or_default() {
        RevocationReason::Unspecified => "",
        RevocationReason::KeyCompromise => "reason: key compromise",
        RevocationReason::AffiliationChanged => "reason: affiliation changed",
        RevocationReason::Superseded => "reason: superseded",
        RevocationReason::CessationOfOperation => "reason: no longer used",
    };
    words.to_owned()
}
