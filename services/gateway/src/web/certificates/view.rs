//! The views of the list.

use api::projection::v1::CertificateStatus;

/// A view of the list, by a word of the query string.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    /// All but links of chains and what was deleted.
    #[default]
    All,
    /// What wants somebody.
    Need,
    /// What is fine.
    Valid,
    /// What is just being renewed.
    Renewing,
    /// What was never issued yet.
    Pending,
    /// What its CA has revoked.
    Revoked,
    /// CAs' certificates whose keys are not here.
    Authorities,
    /// What was deleted, and can be restored.
    Deleted,
}

impl View {
    /// All of them, in the order in which they stand.
    pub const ALL: [View; 8] = [
        View::All,
        View::Need,
        View::Valid,
        View::Renewing,
        View::Pending,
        View::Revoked,
        View::Authorities,
        View::Deleted,
    ];

    /// As it stands in the query string.
    pub fn word(self) -> &'static str {
        match self {
            View::All => "all",
            View::Need => "need",
            View::Valid => "valid",
            View::Renewing => "renewing",
            View::Pending => "pending",
            View::Revoked => "revoked",
            View::Authorities => "authorities",
            View::Deleted => "deleted",
        }
    }

    /// As people read it.
    pub fn title(self) -> &'static str {
        match self {
            View::All => "All",
            View::Need => "Need you",
            View::Valid => "Valid",
            View::Renewing => "Renewing",
            View::Pending => "Pending",
            View::Revoked => "Revoked",
            View::Authorities => "CA certificates",
            View::Deleted => "Deleted",
        }
    }

    /// Whether it holds what stands like this.
    pub fn has(self, status: CertificateStatus) -> bool {
        match self {
            View::All => true,
            View::Need => matches!(
                status,
                CertificateStatus::Expired | CertificateStatus::Error | CertificateStatus::Expiring
            ),
            View::Valid => status == CertificateStatus::Valid,
            View::Renewing => status == CertificateStatus::Renewing,
            View::Pending => status == CertificateStatus::Pending,
            View::Revoked => status == CertificateStatus::Revoked,
            // Not by their status.
            View::Authorities | View::Deleted => false,
        }
    }

    /// Which certificates it holds, as a filter; none, where it holds none.
    pub fn certificates(self) -> Option<&'static str> {
        match self {
            View::All => Some("own=true"),
            View::Need => Some(NEED_YOU),
            View::Valid => Some("own=true status=valid"),
            View::Renewing => Some("own=true status=renewing"),
            View::Pending => None,
            View::Revoked => Some("own=true status=revoked"),
            View::Authorities => Some("own=false"),
            View::Deleted => Some("deleted=true"),
        }
    }

    /// Which automations it holds, likewise.
    pub fn automations(self) -> Option<&'static str> {
        match self {
            View::All => Some("issued=false"),
            View::Need => Some("issued=false status=error"),
            View::Pending => Some("issued=false status=pending"),
            View::Valid | View::Renewing | View::Revoked | View::Authorities | View::Deleted => {
                None
            }
        }
    }
}

/// Expired, an error, or expiring: all others are left out.
const NEED_YOU: &str =
    "own=true status!=valid status!=not-yet-valid status!=renewing status!=pending status!=revoked";
