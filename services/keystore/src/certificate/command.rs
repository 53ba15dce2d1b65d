//! What can be asked of a certificate.

use api::{keystore::v1, x509::v1::RevocationReason};
use pki::{Certificate, FriendlyName};

/// What can be asked of a certificate.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Keep a new certificate. Its key is in the vault, its name is reserved.
    Add {
        /// What people are to call it.
        friendly_name: FriendlyName,
        /// What came from the CA.
        chain: KeyedChain,
        /// The automation that got it.
        automation_id: String,
    },
    /// Keep a new version of this certificate.
    Renew {
        /// What came from the CA.
        chain: KeyedChain,
        /// The automation that got it.
        automation_id: String,
    },
    /// Keep a certificate that was signed here with its own key.
    SelfSign {
        /// What people are to call it.
        friendly_name: FriendlyName,
        /// The certificate; it has no issuers.
        chain: KeyedChain,
        /// Made at a first start, so that TLS works at once.
        factory: bool,
    },
    /// Keep a certificate that came from outside. Its name is reserved.
    Import {
        /// What people are to call it.
        friendly_name: FriendlyName,
        /// The certificate, the issuers that are known, and its key's id where that is here.
        chain: KeyedChain,
        /// The pending request that it answers; empty where there is none.
        request_id: String,
    },
    /// A better chain was found.
    CompleteChain {
        /// The certificate that it was found for.
        fingerprint: String,
        /// The whole chain, without the leaf.
        issuers: Vec<Certificate>,
    },
    /// Call it otherwise. The name is reserved.
    Rename {
        /// The new name.
        friendly_name: FriendlyName,
    },
    /// It is about to be given out.
    Export(v1::CertificateExported),
    /// The automation that manages it has ended.
    Release {
        /// Which.
        automation_id: String,
    },
    /// Its CA has revoked a version.
    Revoke {
        /// Which one.
        version: u32,
        /// What the CA was told.
        reason: RevocationReason,
    },
    /// Delete it.
    Delete,
    /// Undo its deletion. The name is reserved.
    Restore {
        /// The name that it gets.
        friendly_name: FriendlyName,
    },
}

/// A certificate and its issuers in order. Where it has a key's id, its public key was found to be
/// that of this key in the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedChain {
    /// The key; empty where it is not here.
    pub key_id: String,
    /// The certificate itself.
    pub leaf: Certificate,
    /// Each issued the one before it.
    pub issuers: Vec<Certificate>,
}
