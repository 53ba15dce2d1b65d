//! What a caller may ask for who is held to some certificates.

use api::CertificateFilter;
use uuid::Uuid;

use crate::{
    automation::{self, Automation},
    refusal::{CommandError, Refusal},
    requests::{Requests, Wish},
};

/// Whether all of these names are the caller's affair.
///
/// # Errors
/// Which one is not.
pub fn names<S: AsRef<str>>(
    names: impl IntoIterator<Item = S>,
    held_to: &CertificateFilter,
) -> Result<(), Refusal> {
    let other = names
        .into_iter()
        .find(|name| !held_to.covers_name(name.as_ref()));
    match other {
        Some(name) => Err(Refusal::OutsideOfFilter(name.as_ref().to_owned())),
        None => Ok(()),
    }
}

impl Wish {
    /// Whether a certificate as this one is the caller's affair.
    ///
    /// # Errors
    /// Which of its names is not.
    pub fn within(&self, held_to: &CertificateFilter) -> Result<(), CommandError> {
        let dns_names = self.dns_names.iter().map(ToString::to_string);
        let addresses = self.ip_addresses.iter().map(ToString::to_string);
        Ok(names(dns_names.chain(addresses), held_to)?)
    }
}

impl Requests {
    /// Whether an automation is the caller's affair. What is not is not there for him.
    ///
    /// # Errors
    /// As where there is none, or what the log says.
    pub async fn within(&self, id: Uuid, held_to: &CertificateFilter) -> Result<(), CommandError> {
        if held_to.is_open() {
            return Ok(());
        }
        let loaded = self.log.load::<Automation>(&id.to_string()).await;
        let state = loaded.map_err(CommandError::Log)?.state;
        let requested = state.requested().map_err(Refusal::Automation)?;
        let names = requested.dns_names.iter().chain(&requested.ip_addresses);
        match held_to.covers(names) {
            true => Ok(()),
            false => Err(Refusal::Automation(automation::Refusal::NotFound).into()),
        }
    }
}
