//! The events that become rows, as their owners write them. The seal's are our own.
//!
//! An aggregate without a table of its own becomes a row of the event table alone. An event that
//! this version does not know, on an aggregate that has a table, stops the follower: the table
//! would be wrong from there on.

use eventlog::{LogError, Recorded};

eventlog::events! {
    /// What happens to a key.
    pub enum KeyEvent {
        /// A private key was made.
        Generated("generated"): api::keystore::v1::KeyGenerated = "chancery.keystore.v1.KeyGenerated",
        /// One came in from outside.
        Imported("imported"): api::keystore::v1::KeyImported = "chancery.keystore.v1.KeyImported",
        /// It was given out.
        Exported("exported"): api::keystore::v1::KeyExported = "chancery.keystore.v1.KeyExported",
        /// It was shredded.
        Destroyed("destroyed"): api::keystore::v1::KeyDestroyed = "chancery.keystore.v1.KeyDestroyed",
    }
}

eventlog::events! {
    /// What happens to a certificate.
    pub enum CertificateEvent {
        /// One from an ACME server was kept.
        Issued("issued"): api::keystore::v1::CertificateIssued = "chancery.keystore.v1.CertificateIssued",
        /// A new version was kept.
        Renewed("renewed"): api::keystore::v1::CertificateRenewed = "chancery.keystore.v1.CertificateRenewed",
        /// One was signed with its own key.
        SelfSigned("self-signed"): api::keystore::v1::CertificateSelfSigned = "chancery.keystore.v1.CertificateSelfSigned",
        /// One came in from outside.
        Imported("imported"): api::keystore::v1::CertificateImported = "chancery.keystore.v1.CertificateImported",
        /// Issuers that its chain missed are here.
        ChainCompleted("chain-completed"): api::keystore::v1::CertificateChainCompleted = "chancery.keystore.v1.CertificateChainCompleted",
        /// It has another friendly name.
        Renamed("renamed"): api::keystore::v1::CertificateRenamed = "chancery.keystore.v1.CertificateRenamed",
        /// It was given out.
        Exported("exported"): api::keystore::v1::CertificateExported = "chancery.keystore.v1.CertificateExported",
        /// It is gone, and can be restored.
        Deleted("deleted"): api::keystore::v1::CertificateDeleted = "chancery.keystore.v1.CertificateDeleted",
        /// It is here again.
        Restored("restored"): api::keystore::v1::CertificateRestored = "chancery.keystore.v1.CertificateRestored",
        /// No automation manages it any more.
        Released("released"): api::keystore::v1::CertificateReleased = "chancery.keystore.v1.CertificateReleased",
        /// Its CA has revoked a version.
        Revoked("revoked"): api::keystore::v1::CertificateRevoked = "chancery.keystore.v1.CertificateRevoked",
    }
}

eventlog::events! {
    /// What happens to that which gateways serve.
    pub enum TlsEvent {
        /// A gateway was given keys.
        ServingGranted("serving-granted"): api::keystore::v1::ServingGranted = "chancery.keystore.v1.ServingGranted",
        /// A certificate answers where no name does.
        DefaultSelected("default-selected"): api::keystore::v1::DefaultSelected = "chancery.keystore.v1.DefaultSelected",
        /// None does any more.
        DefaultCleared("default-cleared"): api::keystore::v1::DefaultCleared = "chancery.keystore.v1.DefaultCleared",
    }
}

eventlog::events! {
    /// What happens to a certificate request.
    pub enum RequestEvent {
        /// One was made.
        Created("created"): api::csr::v1::RequestCreated = "chancery.csr.v1.RequestCreated",
        /// A certificate that answers it was imported.
        Fulfilled("fulfilled"): api::csr::v1::RequestFulfilled = "chancery.csr.v1.RequestFulfilled",
        /// It was put away.
        Deleted("deleted"): api::csr::v1::RequestDeleted = "chancery.csr.v1.RequestDeleted",
    }
}

eventlog::events! {
    /// What happens to an ACME server.
    pub enum ServerEvent {
        /// An account exists there.
        Registered("registered"): api::acme::v1::ServerRegistered = "chancery.acme.v1.ServerRegistered",
        /// The account has other contact addresses.
        ContactUpdated("contact-updated"): api::acme::v1::ServerContactUpdated = "chancery.acme.v1.ServerContactUpdated",
        /// The account has another key.
        AccountKeyRolled("account-key-rolled"): api::acme::v1::AccountKeyRolled = "chancery.acme.v1.AccountKeyRolled",
        /// The account has ended.
        Deactivated("deactivated"): api::acme::v1::ServerDeactivated = "chancery.acme.v1.ServerDeactivated",
    }
}

eventlog::events! {
    /// What happens to a DNS provider.
    pub enum DnsProviderEvent {
        /// It may write TXT records for us.
        Added("added"): api::acme::v1::DnsProviderAdded = "chancery.acme.v1.DnsProviderAdded",
        /// It is forgotten.
        Removed("removed"): api::acme::v1::DnsProviderRemoved = "chancery.acme.v1.DnsProviderRemoved",
    }
}

eventlog::events! {
    /// What happens to an automation.
    pub enum AutomationEvent {
        /// Somebody wants this certificate, for good.
        Requested("requested"): api::acme::v1::AutomationRequested = "chancery.acme.v1.AutomationRequested",
        /// When the next renewal begins by itself.
        RenewalScheduled("renewal-scheduled"): api::acme::v1::RenewalScheduled = "chancery.acme.v1.RenewalScheduled",
        /// The next version is wanted now, or another try.
        RenewalStarted("renewal-started"): api::acme::v1::RenewalStarted = "chancery.acme.v1.RenewalStarted",
        /// An order is about to be placed.
        OrderIntended("order-intended"): api::acme::v1::OrderIntended = "chancery.acme.v1.OrderIntended",
        /// The CA has the order.
        OrderPlaced("order-placed"): api::acme::v1::OrderPlaced = "chancery.acme.v1.OrderPlaced",
        /// The certificate request is about to be sent.
        FinalizeIntended("finalize-intended"): api::acme::v1::FinalizeIntended = "chancery.acme.v1.FinalizeIntended",
        /// The first certificate is here.
        CertificateIssued("certificate-issued"): api::acme::v1::CertificateObtained = "chancery.acme.v1.CertificateObtained",
        /// The next version is here.
        Renewed("renewed"): api::acme::v1::AutomationRenewed = "chancery.acme.v1.AutomationRenewed",
        /// An order for the first certificate ended without one.
        IssuanceFailed("issuance-failed"): api::acme::v1::OrderFailed = "chancery.acme.v1.OrderFailed",
        /// An order for the next version ended without one.
        RenewalFailed("renewal-failed"): api::acme::v1::OrderFailed = "chancery.acme.v1.OrderFailed",
        /// No renewal begins by itself.
        Paused("paused"): api::acme::v1::AutomationPaused = "chancery.acme.v1.AutomationPaused",
        /// Renewals begin by themselves again.
        Resumed("resumed"): api::acme::v1::AutomationResumed = "chancery.acme.v1.AutomationResumed",
        /// It has ended for good.
        Cancelled("cancelled"): api::acme::v1::AutomationCancelled = "chancery.acme.v1.AutomationCancelled",
        /// The CA is about to be told to revoke a version.
        RevocationIntended("revocation-intended"): api::acme::v1::RevocationIntended = "chancery.acme.v1.RevocationIntended",
        /// The CA has revoked it.
        Revoked("revoked"): api::acme::v1::AutomationRevoked = "chancery.acme.v1.AutomationRevoked",
        /// The CA would not.
        RevocationFailed("revocation-failed"): api::acme::v1::RevocationFailed = "chancery.acme.v1.RevocationFailed",
    }
}

eventlog::events! {
    /// What happens to a channel for notifications.
    pub enum ChannelEvent {
        /// There is somebody more to tell.
        Created("created"): api::notifier::v1::ChannelCreated = "chancery.notifier.v1.ChannelCreated",
        /// Its name, rule or settings are others.
        Updated("updated"): api::notifier::v1::ChannelUpdated = "chancery.notifier.v1.ChannelUpdated",
        /// It is told no more.
        Deleted("deleted"): api::notifier::v1::ChannelDeleted = "chancery.notifier.v1.ChannelDeleted",
    }
}

eventlog::events! {
    /// What happens to an alert.
    pub enum AlertEvent {
        /// Somebody has to act.
        Raised("raised"): api::notifier::v1::AlertRaised = "chancery.notifier.v1.AlertRaised",
        /// A channel has taken a message about it.
        Notified("notified"): api::notifier::v1::AlertNotified = "chancery.notifier.v1.AlertNotified",
        /// A channel has not.
        NotifyFailed("notify-failed"): api::notifier::v1::AlertNotifyFailed = "chancery.notifier.v1.AlertNotifyFailed",
        /// It works again.
        Cleared("cleared"): api::notifier::v1::AlertCleared = "chancery.notifier.v1.AlertCleared",
    }
}

eventlog::events! {
    /// What happens to the log's seal.
    pub enum SealEvent {
        /// The tree over all events was signed.
        Signed("checkpoint-signed"): api::projection::v1::CheckpointSigned = "chancery.projection.v1.CheckpointSigned",
        /// A witness has signed the same.
        Cosigned("checkpoint-cosigned"): api::projection::v1::CheckpointCosigned = "chancery.projection.v1.CheckpointCosigned",
        /// Events of the log are not what was recorded of them.
        DamageFound("damage-found"): api::projection::v1::DamageFound = "chancery.projection.v1.DamageFound",
        /// All are, again.
        FoundWhole("found-whole"): api::projection::v1::FoundWhole = "chancery.projection.v1.FoundWhole",
    }
}

/// An event by the table that it changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// `key`
    Key(KeyEvent),
    /// `certificate`
    Certificate(CertificateEvent),
    /// `tls`
    Tls(TlsEvent),
    /// `request`
    Request(RequestEvent),
    /// `acme-server`
    Server(ServerEvent),
    /// `dns-provider`
    DnsProvider(DnsProviderEvent),
    /// `automation`
    Automation(AutomationEvent),
    /// `channel`
    Channel(ChannelEvent),
    /// `alert`
    Alert(AlertEvent),
    /// `seal`
    Seal(SealEvent),
    /// Any other aggregate: only the event itself is kept.
    Other,
    /// Likewise an event that is to be passed over, whatever it is.
    Skipped,
}

impl Event {
    /// What was recorded, by the aggregate in its subject.
    ///
    /// # Errors
    /// [`LogError::Decode`] for an event of a table that this version does not know or cannot read.
    pub fn read(recorded: &Recorded) -> Result<Self, LogError> {
        match recorded.aggregate.as_str() {
            "key" => recorded.decode().map(Self::Key),
            "certificate" => recorded.decode().map(Self::Certificate),
            "tls" => recorded.decode().map(Self::Tls),
            "request" => recorded.decode().map(Self::Request),
            "acme-server" => recorded.decode().map(Self::Server),
            "dns-provider" => recorded.decode().map(Self::DnsProvider),
            "automation" => recorded.decode().map(Self::Automation),
            "channel" => recorded.decode().map(Self::Channel),
            "alert" => recorded.decode().map(Self::Alert),
            "seal" => recorded.decode().map(Self::Seal),
            _ => readable(recorded).map(|()| Self::Other),
        }
    }
}

/// The body is a JSON object: what else could not be answered.
fn readable(recorded: &Recorded) -> Result<(), LogError> {
    serde_json::from_slice::<std::collections::BTreeMap<String, serde::de::IgnoredAny>>(
        &recorded.body,
    )
    .map(drop)
    .map_err(|source| LogError::Decode {
        sequence: recorded.sequence,
        source: eventlog::DecodeError::Json {
            schema: "google.protobuf.Struct",
            source,
        },
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use eventlog::{EventBody, proof::Note};
    use serde_json::Value;

    use super::*;

    /// Every event that a version has released is a file that no later version may fail to read.
    fn golden(event: &str) -> SealEvent {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/golden");
        let text = std::fs::read(file.join(format!("seal.{event}.json"))).unwrap();
        let read = SealEvent::from_json(event, &text).unwrap();
        let written: Value = serde_json::from_slice(&read.to_json().unwrap()).unwrap();
        assert_eq!(written, serde_json::from_slice::<Value>(&text).unwrap());
        read
    }

    #[test]
    fn every_event_of_ours_reads_and_writes_as_released() {
        let SealEvent::Signed(signed) = golden("checkpoint-signed") else {
            panic!("another event");
        };
        let note = Note::parse(&signed.note).unwrap();
        assert_eq!(note.head.size, 1_024);
        assert_eq!(note.head.root, *signed.root_hash);
        let SealEvent::Cosigned(cosigned) = golden("checkpoint-cosigned") else {
            panic!("another event");
        };
        let note = note.with_line(&cosigned.line).unwrap();
        assert_eq!(note.line_of(&cosigned.witness), Some(cosigned.line));
        let SealEvent::DamageFound(found) = golden("damage-found") else {
            panic!("another event");
        };
        assert_eq!((found.findings.len(), found.findings[1].last), (2, 4_720));
        assert!(matches!(golden("found-whole"), SealEvent::FoundWhole(_)));
    }
}
