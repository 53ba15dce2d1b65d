//! Who makes a call, once the door has let it in.

use std::net::IpAddr;

use api::CertificateFilter;

use crate::principal::Principal;

/// Who makes a call.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    /// Somebody who has shown who he is.
    Known(Principal),
    /// Somebody at this address.
    Stranger(IpAddr),
}

impl Caller {
    /// Who he is, where he has shown it.
    pub(super) fn principal(&self) -> Option<&Principal> {
        match self {
            Caller::Known(principal) => Some(principal),
            Caller::Stranger(_) => None,
        }
    }

    /// What he is held to.
    pub(super) fn certificates(&self) -> CertificateFilter {
        let principal = self.principal();
        principal.map_or_else(CertificateFilter::default, |principal| {
            principal.certificates.clone()
        })
    }

    /// Whose calls at once this is one of.
    pub(super) fn key(&self) -> String {
        match self {
            Caller::Known(principal) => principal.actor.clone(),
            Caller::Stranger(source) => format!("address/{source}"),
        }
    }
}
