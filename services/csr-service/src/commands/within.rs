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

#[cfg(test)]
mod tests {
    use pki::{FriendlyName, KeyAlgorithm, Subject, SubjectAltNames, SubjectFields};

    use super::*;

    fn form(key: Key, common_name: &str, names: &[&str]) -> Form {
        let names = names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let fields = SubjectFields {
            common_name: common_name.into(),
            ..SubjectFields::default()
        };
        Form {
            friendly_name: FriendlyName::try_from("shop").unwrap(),
            key,
            subject: Subject::try_from(fields).unwrap(),
            names: SubjectAltNames::parse(&names, &[]).unwrap(),
        }
    }

    #[test]
    fn who_is_held_to_some_certificates_asks_for_those_with_new_keys() {
        let shop = CertificateFilter::new(["*.shop.example"]).unwrap();
        let new = Key::New(KeyAlgorithm::EcdsaP256);
        let his = ["a.shop.example", "*.shop.example"];
        for common_name in ["", "The Shop", "a.shop.example"] {
            assert_eq!(form(new, common_name, &his).within(&shop), Ok(()));
        }
        let outside = |name: &str| Err(Refusal::OutsideOfFilter(name.into()));
        let both = form(new, "", &["a.shop.example", "bank.example"]);
        assert_eq!(both.within(&shop), outside("bank.example"));
        let named = form(new, "bank.example", &his);
        assert_eq!(named.within(&shop), outside("bank.example"));
        let with_key = form(Key::Existing(Uuid::nil()), "", &his);
        assert_eq!(with_key.within(&shop), Err(Refusal::KeyOutsideOfFilter));
        assert_eq!(with_key.within(&CertificateFilter::default()), Ok(()));
    }
}
