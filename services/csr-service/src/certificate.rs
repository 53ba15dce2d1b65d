//! What this service must know of a certificate, from the events that the keystore writes.

use api::{keystore::v1, x509::v1::Certificate};
use eventlog::{EventLog, LogError};
use uuid::Uuid;

/// The keystore's name for the aggregate.
pub const AGGREGATE: &str = "certificate";

/// The keystore's name for [`CertificateEvent::Imported`].
pub const IMPORTED: &str = "imported";

eventlog::events! {
    /// What happens to a certificate, as far as it matters here. The rest is passed over.
    pub enum CertificateEvent {
        /// It came from an ACME server.
        Issued("issued"): v1::CertificateIssued = "chancery.keystore.v1.CertificateIssued",
        /// A new version of it was kept.
        Renewed("renewed"): v1::CertificateRenewed = "chancery.keystore.v1.CertificateRenewed",
        /// It was signed with its own key.
        SelfSigned("self-signed"): v1::CertificateSelfSigned = "chancery.keystore.v1.CertificateSelfSigned",
        /// It came in from outside.
        Imported("imported"): v1::CertificateImported = "chancery.keystore.v1.CertificateImported",
        /// Issuers that were missing are here.
        ChainCompleted("chain-completed"): v1::CertificateChainCompleted = "chancery.keystore.v1.CertificateChainCompleted",
        /// It has another name.
        Renamed("renamed"): v1::CertificateRenamed = "chancery.keystore.v1.CertificateRenamed",
        /// It is gone, and can be restored.
        Deleted("deleted"): v1::CertificateDeleted = "chancery.keystore.v1.CertificateDeleted",
        /// It is back.
        Restored("restored"): v1::CertificateRestored = "chancery.keystore.v1.CertificateRestored",
    }
}

/// A certificate that is, or was, in the keystore.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// What people call it now.
    pub friendly_name: String,
    /// The newest version.
    pub certificate: Certificate,
    /// That version's issuers in order, as far as they are known.
    pub issuers: Vec<Certificate>,
    /// It was deleted, and can be restored.
    pub deleted: bool,
    version: u32,
}

/// The certificate with this id, as the log has it now; `None` where there never was one.
///
/// # Errors
/// Any [`LogError`] but `Full`.
pub async fn load(log: &EventLog, id: Uuid) -> Result<Option<Known>, LogError> {
    let mut known = None;
    for recorded in log.events_of(AGGREGATE, &id.to_string()).await? {
        if let Some(event) = recorded.decode_known()? {
            take_in(&mut known, event);
        }
    }
    Ok(known)
}

fn take_in(known: &mut Option<Known>, event: CertificateEvent) {
    let first = |friendly_name, certificate: Option<Certificate>, issuers| Known {
        friendly_name,
        certificate: certificate.unwrap_or_default(),
        issuers,
        deleted: false,
        version: 1,
    };
    match (event, known.as_mut()) {
        (CertificateEvent::Issued(e), _) => {
            *known = Some(first(e.friendly_name, e.certificate, e.issuers));
        }
        (CertificateEvent::SelfSigned(e), _) => {
            *known = Some(first(e.friendly_name, e.certificate, Vec::new()));
        }
        (CertificateEvent::Imported(e), _) => {
            *known = Some(first(e.friendly_name, e.certificate, e.issuers));
        }
        (CertificateEvent::Renewed(e), Some(known)) => {
            known.certificate = e.certificate.unwrap_or_default();
            known.issuers = e.issuers;
            known.version = e.version;
        }
        // A chain may come late, when there is a newer version already.
        (CertificateEvent::ChainCompleted(e), Some(known)) if e.version == known.version => {
            known.issuers = e.issuers;
        }
        (CertificateEvent::Renamed(e), Some(known)) => known.friendly_name = e.friendly_name,
        (CertificateEvent::Deleted(_), Some(known)) => known.deleted = true,
        (CertificateEvent::Restored(e), Some(known)) => {
            known.deleted = false;
            known.friendly_name = e.friendly_name;
        }
        (CertificateEvent::ChainCompleted(_), Some(_)) | (_, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(common_name: &str) -> Certificate {
        Certificate {
            common_name: common_name.into(),
            ..Certificate::default()
        }
    }

    fn imported() -> CertificateEvent {
        CertificateEvent::Imported(v1::CertificateImported {
            friendly_name: "shop".into(),
            certificate: Some(named("first")),
            ..v1::CertificateImported::default()
        })
    }

    fn renewed() -> CertificateEvent {
        CertificateEvent::Renewed(v1::CertificateRenewed {
            version: 2,
            certificate: Some(named("second")),
            issuers: vec![named("issuer")],
            ..v1::CertificateRenewed::default()
        })
    }

    fn completed(version: u32) -> CertificateEvent {
        CertificateEvent::ChainCompleted(v1::CertificateChainCompleted {
            version,
            issuers: vec![named("issuer"), named("root")],
        })
    }

    fn known(events: impl IntoIterator<Item = CertificateEvent>) -> Option<Known> {
        let mut known = None;
        for event in events {
            take_in(&mut known, event);
        }
        known
    }

    #[test]
    fn the_newest_version_counts_with_the_chain_that_it_has_now() {
        let known = |events| self::known(events).unwrap();
        let now = known(vec![imported(), completed(1)]);
        assert_eq!(now.certificate.common_name, "first");
        assert_eq!(now.issuers.len(), 2);
        let now = known(vec![imported(), renewed(), completed(1)]);
        assert_eq!(now.certificate.common_name, "second");
        assert_eq!(now.issuers.len(), 1, "the chain of an older version");
        let now = known(vec![imported(), renewed(), completed(2)]);
        assert_eq!(now.issuers.len(), 2);
    }

    #[test]
    fn a_certificate_goes_by_its_latest_name_and_stays_known_when_it_is_deleted() {
        let renamed = |name: &str| {
            CertificateEvent::Renamed(v1::CertificateRenamed {
                friendly_name: name.into(),
            })
        };
        let deleted = CertificateEvent::Deleted(v1::CertificateDeleted {});
        let gone = known([imported(), renamed("store"), deleted.clone()]).unwrap();
        assert_eq!((gone.friendly_name.as_str(), gone.deleted), ("store", true));
        let restored = CertificateEvent::Restored(v1::CertificateRestored {
            friendly_name: "store (2)".into(),
        });
        let back = known([imported(), renamed("store"), deleted, restored]).unwrap();
        let (name, deleted) = (back.friendly_name.as_str(), back.deleted);
        assert_eq!((name, deleted), ("store (2)", false));
    }

    #[test]
    fn what_never_came_is_not_known() {
        assert_eq!(known([renewed()]), None);
    }
}
