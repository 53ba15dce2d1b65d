//! What this service must know of a certificate, from the events that the keystore writes: the CA that
//! issued a version is asked about it, and told of it, by the certificate itself.

use api::{keystore::v1, x509};
use eventlog::{EventLog, LogError};

use crate::client::renewal_info::CertId;

eventlog::events! {
    /// What happens to a certificate, as far as it matters here. The rest is passed over.
    enum CertificateEvent {
        /// Its first version was kept.
        Issued("issued"): v1::CertificateIssued = "chancery.keystore.v1.CertificateIssued",
        /// The next version was kept.
        Renewed("renewed"): v1::CertificateRenewed = "chancery.keystore.v1.CertificateRenewed",
    }
}

/// One version of an automated certificate.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Its number, from 1.
    pub number: u32,
    /// What was read from it.
    pub certificate: x509::v1::Certificate,
}

impl Version {
    /// What its CA calls it; `None` where it cannot be called so.
    pub fn id(&self) -> Option<CertId> {
        let certificate = pki::Certificate::parse(&self.certificate.der).ok()?;
        CertId::of(&certificate)
    }
}

/// All versions of a certificate, the first one first.
///
/// # Errors
/// Any [`LogError`] but `Full`.
pub async fn versions(log: &EventLog, id: &str) -> Result<Vec<Version>, LogError> {
    let mut versions = Vec::new();
    for recorded in log.events_of(AGGREGATE, id).await? {
        let version = match recorded.decode_known()? {
            Some(CertificateEvent::Issued(issued)) => Version {
                number: 1,
                certificate: issued.certificate.unwrap_or_default(),
            },
            Some(CertificateEvent::Renewed(renewed)) => Version {
                number: renewed.version,
                certificate: renewed.certificate.unwrap_or_default(),
            },
            None => continue,
        };
        versions.push(version);
    }
    Ok(versions)
}

/// The keystore's name for the aggregate.
const AGGREGATE: &str = "certificate";
