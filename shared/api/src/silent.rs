//! Messages with a secret in them: their `Debug` says the type's name, so that no log line ever says more.
//!
//! `build.rs` lists them too: one that is missing here does not compile.

use std::fmt;

use crate::{
    acme::v1::{AddDnsProviderRequest, ExternalAccountBinding},
    gateway::v1::{
        BeginLoginResponse, CreateTokenResponse, Invitation, PollLoginRequest, PollLoginResponse,
    },
    keystore::v1::{
        ExportKeyRequest, ExportRequest, ExportResponse, ImportFile, OpenSecretResponse,
        SealSecretRequest, ServingCredential,
    },
    notifier::v1::{EmailSettings, WebhookSettings},
};

macro_rules! silent {
    ($($message:ident),+ $(,)?) => { $(
        impl fmt::Debug for $message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($message))
            }
        }
    )+ };
}

silent!(
    AddDnsProviderRequest,
    BeginLoginResponse,
    CreateTokenResponse,
    EmailSettings,
    ExternalAccountBinding,
    ExportKeyRequest,
    ExportRequest,
    ExportResponse,
    ImportFile,
    Invitation,
    OpenSecretResponse,
    PollLoginRequest,
    PollLoginResponse,
    SealSecretRequest,
    ServingCredential,
    WebhookSettings
);

#[cfg(test)]
mod tests {
    use crate::keystore::v1::{ServingChange, ServingCredential, serving_change::Change};

    #[test]
    fn a_message_around_a_secret_does_not_show_it_either() {
        let credential = ServingCredential {
            private_key_der: b"secret".as_slice().into(),
            ..ServingCredential::default()
        };
        let change = ServingChange {
            change: Some(Change::Put(credential)),
        };
        assert_eq!(
            format!("{change:?}"),
            "ServingChange { change: Some(Put(ServingCredential)) }"
        );
    }
}
