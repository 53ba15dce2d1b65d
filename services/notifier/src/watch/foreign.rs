//! The events of other services, as far as they matter here. The rest is passed over.

use api::{acme, keystore::v1, projection};

/// The keystore's name for certificates.
pub const CERTIFICATE: &str = "certificate";
/// The keystore's name for keys.
pub const KEY: &str = "key";
/// acme-agent's name for automated certificates.
pub const AUTOMATION: &str = "automation";
/// The projection's name for its tables.
pub const TABLES: &str = "tables";
/// The projection's name for the log's seal, and for what it finds of damage to the log.
pub const SEAL: &str = "seal";

eventlog::events! {
    /// What happens to the tables.
    pub enum TablesEvent {
        /// An event cannot be taken in.
        Stopped("stopped"): projection::v1::TablesStopped = "chancery.projection.v1.TablesStopped",
        /// It was, after all.
        Resumed("resumed"): projection::v1::TablesResumed = "chancery.projection.v1.TablesResumed",
        /// It is passed over.
        EventSkipped("event-skipped"): projection::v1::EventSkipped = "chancery.projection.v1.EventSkipped",
    }
}

eventlog::events! {
    /// What is found when the log is read through.
    pub enum SealEvent {
        /// Events of it are not what was recorded.
        DamageFound("damage-found"): projection::v1::DamageFound = "chancery.projection.v1.DamageFound",
        /// All are, again.
        FoundWhole("found-whole"): projection::v1::FoundWhole = "chancery.projection.v1.FoundWhole",
    }
}

eventlog::events! {
    /// What happens to a certificate.
    pub enum CertificateEvent {
        /// It came from an ACME server.
        Issued("issued"): v1::CertificateIssued = "chancery.keystore.v1.CertificateIssued",
        /// A new version of it was kept.
        Renewed("renewed"): v1::CertificateRenewed = "chancery.keystore.v1.CertificateRenewed",
        /// It was signed with its own key.
        SelfSigned("self-signed"): v1::CertificateSelfSigned = "chancery.keystore.v1.CertificateSelfSigned",
        /// It came in from outside.
        Imported("imported"): v1::CertificateImported = "chancery.keystore.v1.CertificateImported",
        /// It has another name.
        Renamed("renamed"): v1::CertificateRenamed = "chancery.keystore.v1.CertificateRenamed",
        /// No automation manages it any more.
        Released("released"): v1::CertificateReleased = "chancery.keystore.v1.CertificateReleased",
        /// Its CA has revoked a version.
        Revoked("revoked"): v1::CertificateRevoked = "chancery.keystore.v1.CertificateRevoked",
        /// It is gone, and can be restored.
        Deleted("deleted"): v1::CertificateDeleted = "chancery.keystore.v1.CertificateDeleted",
        /// It is back.
        Restored("restored"): v1::CertificateRestored = "chancery.keystore.v1.CertificateRestored",
    }
}

eventlog::events! {
    /// What happens to a key.
    pub enum KeyEvent {
        /// It was made.
        Generated("generated"): v1::KeyGenerated = "chancery.keystore.v1.KeyGenerated",
        /// It came in from outside.
        Imported("imported"): v1::KeyImported = "chancery.keystore.v1.KeyImported",
        /// It has left.
        Exported("exported"): v1::KeyExported = "chancery.keystore.v1.KeyExported",
        /// It is shredded.
        Destroyed("destroyed"): v1::KeyDestroyed = "chancery.keystore.v1.KeyDestroyed",
    }
}

eventlog::events! {
    /// What happens to an automated certificate.
    pub enum AutomationEvent {
        /// Somebody asked for it.
        Requested("requested"): acme::v1::AutomationRequested = "chancery.acme.v1.AutomationRequested",
        /// The first certificate is in the keystore.
        Obtained("certificate-issued"): acme::v1::CertificateObtained = "chancery.acme.v1.CertificateObtained",
        /// The first certificate could not be had.
        IssuanceFailed("issuance-failed"): acme::v1::OrderFailed = "chancery.acme.v1.OrderFailed",
        /// The next version is in the keystore.
        Renewed("renewed"): acme::v1::AutomationRenewed = "chancery.acme.v1.AutomationRenewed",
        /// The next version could not be had.
        RenewalFailed("renewal-failed"): acme::v1::OrderFailed = "chancery.acme.v1.OrderFailed",
        /// No renewal begins by itself.
        Paused("paused"): acme::v1::AutomationPaused = "chancery.acme.v1.AutomationPaused",
        /// Renewals begin by themselves again.
        Resumed("resumed"): acme::v1::AutomationResumed = "chancery.acme.v1.AutomationResumed",
        /// It has ended for good.
        Cancelled("cancelled"): acme::v1::AutomationCancelled = "chancery.acme.v1.AutomationCancelled",
    }
}
