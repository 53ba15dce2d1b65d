//! The events of this service's three aggregates: proto messages under their names in the log.

use api::acme::v1 as proto;

eventlog::events! {
    /// What happens to an account at an ACME server.
    pub enum ServerEvent {
        /// An account exists at the CA.
        Registered("registered"): proto::ServerRegistered = "chancery.acme.v1.ServerRegistered",
        /// The account has other contact addresses.
        ContactUpdated("contact-updated"): proto::ServerContactUpdated = "chancery.acme.v1.ServerContactUpdated",
        /// The account has another key.
        AccountKeyRolled("account-key-rolled"): proto::AccountKeyRolled = "chancery.acme.v1.AccountKeyRolled",
        /// The account has ended at the CA.
        Deactivated("deactivated"): proto::ServerDeactivated = "chancery.acme.v1.ServerDeactivated",
    }
}

eventlog::events! {
    /// What happens to an automated certificate. Each intent is written before the act.
    pub enum AutomationEvent {
        /// Somebody wants this certificate, for good.
        Requested("requested"): proto::AutomationRequested = "chancery.acme.v1.AutomationRequested",
        /// Somebody asked for the next version, or for another try.
        RenewalStarted("renewal-started"): proto::RenewalStarted = "chancery.acme.v1.RenewalStarted",
        /// An agent is about to place an order, or goes on with one.
        OrderIntended("order-intended"): proto::OrderIntended = "chancery.acme.v1.OrderIntended",
        /// The CA has the order.
        OrderPlaced("order-placed"): proto::OrderPlaced = "chancery.acme.v1.OrderPlaced",
        /// The certificate request is about to be sent.
        FinalizeIntended("finalize-intended"): proto::FinalizeIntended = "chancery.acme.v1.FinalizeIntended",
        /// The first certificate is in the keystore.
        CertificateIssued("certificate-issued"): proto::CertificateObtained = "chancery.acme.v1.CertificateObtained",
        /// The next version is in the keystore.
        Renewed("renewed"): proto::AutomationRenewed = "chancery.acme.v1.AutomationRenewed",
        /// The first order, or another try at it, ended without a certificate.
        IssuanceFailed("issuance-failed"): proto::OrderFailed = "chancery.acme.v1.OrderFailed",
        /// A renewal ended without a certificate.
        RenewalFailed("renewal-failed"): proto::OrderFailed = "chancery.acme.v1.OrderFailed",
        /// When the next renewal begins by itself.
        RenewalScheduled("renewal-scheduled"): proto::RenewalScheduled = "chancery.acme.v1.RenewalScheduled",
        /// No renewal begins by itself.
        Paused("paused"): proto::AutomationPaused = "chancery.acme.v1.AutomationPaused",
        /// Renewals begin by themselves again.
        Resumed("resumed"): proto::AutomationResumed = "chancery.acme.v1.AutomationResumed",
        /// It has ended for good.
        Cancelled("cancelled"): proto::AutomationCancelled = "chancery.acme.v1.AutomationCancelled",
        /// The CA is about to be told to revoke a version.
        RevocationIntended("revocation-intended"): proto::RevocationIntended = "chancery.acme.v1.RevocationIntended",
        /// The CA has revoked it.
        Revoked("revoked"): proto::AutomationRevoked = "chancery.acme.v1.AutomationRevoked",
        /// The CA refused to revoke it.
        RevocationFailed("revocation-failed"): proto::RevocationFailed = "chancery.acme.v1.RevocationFailed",
    }
}

eventlog::events! {
    /// What happens to a DNS provider.
    pub enum DnsProviderEvent {
        /// It may write records for us.
        Added("added"): proto::DnsProviderAdded = "chancery.acme.v1.DnsProviderAdded",
        /// It is forgotten.
        Removed("removed"): proto::DnsProviderRemoved = "chancery.acme.v1.DnsProviderRemoved",
    }
}

#[cfg(test)]
mod tests {
    use eventlog::EventBody;

    use super::*;

    /// A golden file is never edited: every later version must still read it, and write it so.
    fn golden<E: EventBody + PartialEq + std::fmt::Debug>(name: &str, json: &str) {
        let event = E::from_json(name, json.as_bytes()).unwrap();
        assert_eq!(event.name(), name);
        let written: serde_json::Value = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
        let kept: serde_json::Value = serde_json::from_str(json).unwrap();
        // Whether a time ends in "Z" or "+00:00" is all the same to a reader.
        let text = |value: serde_json::Value| value.to_string().replace("+00:00\"", "Z\"");
        assert_eq!(text(written), text(kept), "{name}");
    }

    #[test]
    fn every_event_ever_written_is_still_read() {
        for (name, json) in [
            (
                "registered",
                include_str!("golden/acme-server.registered.json"),
            ),
            (
                "contact-updated",
                include_str!("golden/acme-server.contact-updated.json"),
            ),
            (
                "account-key-rolled",
                include_str!("golden/acme-server.account-key-rolled.json"),
            ),
            (
                "deactivated",
                include_str!("golden/acme-server.deactivated.json"),
            ),
        ] {
            golden::<ServerEvent>(name, json);
        }
        for (name, json) in [
            ("added", include_str!("golden/dns-provider.added.json")),
            ("removed", include_str!("golden/dns-provider.removed.json")),
        ] {
            golden::<DnsProviderEvent>(name, json);
        }
        for (name, json) in [
            (
                "requested",
                include_str!("golden/automation.requested.json"),
            ),
            (
                "renewal-started",
                include_str!("golden/automation.renewal-started.json"),
            ),
            (
                "order-intended",
                include_str!("golden/automation.order-intended.json"),
            ),
            (
                "order-placed",
                include_str!("golden/automation.order-placed.json"),
            ),
            (
                "order-placed",
                include_str!("golden/automation.order-placed.replaces.json"),
            ),
            (
                "finalize-intended",
                include_str!("golden/automation.finalize-intended.json"),
            ),
            (
                "certificate-issued",
                include_str!("golden/automation.certificate-issued.json"),
            ),
            ("renewed", include_str!("golden/automation.renewed.json")),
            (
                "issuance-failed",
                include_str!("golden/automation.issuance-failed.json"),
            ),
            (
                "renewal-failed",
                include_str!("golden/automation.renewal-failed.json"),
            ),
            (
                "renewal-started",
                include_str!("golden/automation.renewal-started.cause.json"),
            ),
            (
                "renewal-failed",
                include_str!("golden/automation.renewal-failed.retry.json"),
            ),
            (
                "order-intended",
                include_str!("golden/automation.order-intended.server.json"),
            ),
            (
                "renewal-scheduled",
                include_str!("golden/automation.renewal-scheduled.json"),
            ),
            ("paused", include_str!("golden/automation.paused.json")),
            ("resumed", include_str!("golden/automation.resumed.json")),
            (
                "cancelled",
                include_str!("golden/automation.cancelled.json"),
            ),
            (
                "revocation-intended",
                include_str!("golden/automation.revocation-intended.json"),
            ),
            ("revoked", include_str!("golden/automation.revoked.json")),
            (
                "revocation-failed",
                include_str!("golden/automation.revocation-failed.json"),
            ),
        ] {
            golden::<AutomationEvent>(name, json);
        }
    }
}
