//! The certificates of an automation, one after the other.

use api::{
    acme::v1::{AutomationRenewed, CertificateObtained},
    convert::time,
};
use pki::Lifetime;
use time::OffsetDateTime;

use crate::policy::Certificate;

/// One certificate of an automation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// 1 for the first.
    pub number: u32,
    /// What its renewal goes by.
    pub certificate: Certificate,
    /// The server that issued it, and alone can revoke it.
    pub server_id: String,
    /// Its CA has revoked it.
    pub revoked: bool,
}

/// A certificate from the event that brought it; `None` where that does not say how long it is good,
/// which no event of ours does.
pub(super) fn certificate(
    obtained: &CertificateObtained,
    at: OffsetDateTime,
) -> Option<Certificate> {
    Some(Certificate {
        sha256_fingerprint: obtained.sha256_fingerprint.clone(),
        lifetime: Lifetime {
            not_before: obtained.not_before.as_ref().and_then(time)?,
            not_after: obtained.not_after.as_ref().and_then(time)?,
        },
        obtained: at,
    })
}

/// The first certificate and the next have one form.
pub(super) fn obtained(renewed: &AutomationRenewed) -> CertificateObtained {
    CertificateObtained {
        attempt: renewed.attempt,
        certificate_id: renewed.certificate_id.clone(),
        version: renewed.version,
        sha256_fingerprint: renewed.sha256_fingerprint.clone(),
        not_before: renewed.not_before,
        not_after: renewed.not_after,
    }
}

/// The other way round.
pub(super) fn renewed(obtained: CertificateObtained) -> AutomationRenewed {
    AutomationRenewed {
        attempt: obtained.attempt,
        certificate_id: obtained.certificate_id,
        version: obtained.version,
        sha256_fingerprint: obtained.sha256_fingerprint,
        not_before: obtained.not_before,
        not_after: obtained.not_after,
    }
}
