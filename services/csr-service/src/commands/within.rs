//! What a caller may ask for who is held to some certificates.

use api::CertificateFilter;
use uuid::Uuid;

use super::{CommandError, Commands, Form, Key};
use crate::{certificate, refusal::Refusal};

impl Form {
    /// Whether it is all the caller's affair.
    ///
    /// # Errors
    /// What is not.
    pub fn within(&self, held_to: &CertificateFilter) -> Result<(), Refusal> {
        if held_to.is_open() {
            return Ok(());
        }
        let names = x509_names(self);
        if let Some(other) = names.into_iter().find(|name| !held_to.covers_name(name)) {
            return Err(Refusal::OutsideOfFilter(other));
        }
        // With the key of another's certificate in a certificate of his own he could have it exported.
        match self.key {
            Key::New(_) => Ok(()),
            Key::Existing(_) => Err(Refusal::KeyOutsideOfFilter),
        }
    }
}

/// The names that a client might take the certificate for: some still look at the CN.
fn x509_names(form: &Form) -> Vec<String> {
    let dns_names = form.names.dns_names.iter().map(ToString::to_string);
    let addresses = form.names.ip_addresses.iter().map(ToString::to_string);
    let common_name = Some(form.subject.fields().common_name.as_str());
    let common_name = common_name.filter(|name| name.contains(['.', ':']));
    let names = dns_names.chain(addresses);
    names.chain(common_name.map(str::to_owned)).collect()
}

impl Commands {
    /// Whether a certificate that is to be renewed is the caller's affair.
    ///
    /// # Errors
    /// [`Refusal::NoSuchCertificate`], where it is not, too.
    pub async fn renewable_within(
        &self,
        id: Uuid,
        held_to: &CertificateFilter,
    ) -> Result<(), CommandError> {
        if held_to.is_open() {
            return Ok(());
        }
        let known = certificate::load(&self.log, id).await;
        let known = known.map_err(CommandError::Log)?;
        let names = known.and_then(|known| known.certificate.subject_alt_names);
        match names.is_some() && held_to.covers_all(names.as_ref()) {
            true => Ok(()),
            false => Err(Refusal::NoSuchCertificate.into()),
        }
    }
}
