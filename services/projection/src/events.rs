//! The events that become rows, as their owners write them.
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
    }
}

eventlog::events! {
    /// What happens to an automation.
    pub enum AutomationEvent {
        /// Somebody wants this certificate, for good.
        Requested("requested"): api::acme::v1::AutomationRequested = "chancery.acme.v1.AutomationRequested",
        /// Somebody asked for the next version now, or for another try.
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
    /// `automation`
    Automation(AutomationEvent),
    /// Any other aggregate: only the event itself is kept.
    Other,
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
            "automation" => recorded.decode().map(Self::Automation),
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
