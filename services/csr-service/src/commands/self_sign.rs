//! CreateSelfSigned: the keystore does it, and appends the event.

use api::keystore::v1::{SignSelfSignedRequest, SignSelfSignedResponse};
use eventlog::Origin;

use super::{CommandError, Commands, Form};

/// A certificate to sign with its own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfSign {
    /// What it is made from.
    pub form: Form,
    /// How long from now.
    pub days: u32,
}

impl Commands {
    /// Signs a certificate with its own key. The same command again answers the same certificate.
    ///
    /// # Errors
    /// See [`CommandError`]; the keystore's refusals are its own.
    pub async fn self_sign(
        &self,
        origin: &Origin,
        SelfSign { form, days }: SelfSign,
    ) -> Result<SignSelfSignedResponse, CommandError> {
        let sign = SignSelfSignedRequest {
            key: Some(form.key.into()),
            friendly_name: form.friendly_name.to_string(),
            subject: Some((&form.subject).into()),
            subject_alt_names: Some((&form.names).into()),
            days,
        };
        Ok(self.keystore.sign_self_signed(origin, sign).await?)
    }
}
