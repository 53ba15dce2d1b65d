//! The one way out to the internet.

mod address;
mod client;
mod error;
mod resolve;

use std::{net::IpAddr, sync::Arc};

use self::address::Rules;
pub use self::{client::Client, error::EgressError};
use crate::config::Cidr;

/// Makes clients that reach public addresses only, and those private ones that the configuration allows.
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Egress {
    rules: Arc<Rules>,
}

impl Egress {
    /// Refuses everything that is not public, except for these blocks.
    pub fn new(allow: &[Cidr]) -> Self {
        Self {
            rules: Arc::new(Rules::allowing(allow)),
        }
    }

    /// A client for HTTPS and HTTP.
    ///
    /// `trusted_roots_der`: the CA certificates that alone are trusted to name the servers; none: those that
    /// the machine trusts.
    ///
    /// # Errors
    /// [`EgressError::Roots`] when one of them is not a certificate, or there are none to trust.
    pub fn client<R: AsRef<[u8]>>(&self, trusted_roots_der: &[R]) -> Result<Client, EgressError> {
        Client::new(self.rules.clone(), trusted_roots_der)
    }

    /// The addresses of a name (or an address) that may be reached, for who connects by another protocol: to
    /// one of these, and never to the name, which may have other addresses by then.
    ///
    /// # Errors
    /// [`EgressError::Unresolved`] and [`EgressError::Refused`].
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, EgressError> {
        let addresses = resolve::checked(host, &self.rules).await?;
        Ok(addresses.into_iter().map(|address| address.ip()).collect())
    }

    /// Whether an address that was found otherwise may be reached; `host` is what it was found for.
    ///
    /// # Errors
    /// [`EgressError::Refused`]
    pub fn check(&self, host: &str, address: IpAddr) -> Result<(), EgressError> {
        match self.rules.refusal(address) {
            Some(kind) => Err(EgressError::Refused {
                host: host.into(),
                address,
                kind,
            }),
            None => Ok(()),
        }
    }

    /// Whether the configuration names this address among those that may be reached.
    pub fn names(&self, address: IpAddr) -> bool {
        self.rules.names(address)
    }
}
