//! Where a second factor's secret lies: sealed in the keystore, open to the gateway alone.

use std::time::Duration;

use api::keystore::v1::{
    DestroySecretRequest, OpenSecretRequest, SealSecretRequest,
    keystore_service_client::KeystoreServiceClient,
};
use bytes::Bytes;
use runtime::{Cause, Clock};
use tonic::{Code, Request, Status, transport::Channel};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::TotpSecret;

/// The keystore did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("the keystore does not answer")]
pub struct SecretError(#[source] Box<Status>);

impl From<Status> for SecretError {
    fn from(status: Status) -> Self {
        SecretError(Box::new(status))
    }
}

/// The keystore's sealed secrets of people. Cheap to clone.
#[derive(Clone)]
pub struct Secrets {
    keystore: KeystoreServiceClient<Channel>,
    clock: Clock,
}

impl Secrets {
    /// Over a channel to the keystore.
    pub fn new(keystore: Channel, clock: Clock) -> Secrets {
        let keystore = KeystoreServiceClient::new(keystore);
        Secrets { keystore, clock }
    }

    /// Seals a person's secret, in place of the one that there was.
    ///
    /// # Errors
    /// Where the keystore does not.
    pub async fn seal(&self, user: Uuid, secret: &TotpSecret) -> Result<(), SecretError> {
        let message = SealSecretRequest {
            name: name(user),
            secret: Bytes::copy_from_slice(secret.octets()),
        };
        self.keystore
            .clone()
            .seal_secret(self.request(message))
            .await?;
        Ok(())
    }

    /// Opens a person's secret; `None` where there is none.
    ///
    /// # Errors
    /// Where the keystore does not answer.
    pub async fn open(&self, user: Uuid) -> Result<Option<TotpSecret>, SecretError> {
        let message = OpenSecretRequest { name: name(user) };
        match self
            .keystore
            .clone()
            .open_secret(self.request(message))
            .await
        {
            Ok(opened) => {
                let octets = Zeroizing::new(opened.into_inner().secret.to_vec());
                Ok(TotpSecret::from_octets(&octets))
            }
            Err(none) if none.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// Destroys a person's secret, where there is one.
    ///
    /// # Errors
    /// Where the keystore does not.
    pub async fn destroy(&self, user: Uuid) -> Result<(), SecretError> {
        let message = DestroySecretRequest { name: name(user) };
        self.keystore
            .clone()
            .destroy_secret(self.request(message))
            .await?;
        Ok(())
    }

    fn request<M>(&self, message: M) -> Request<M> {
        let cause = Cause {
            request_id: self.clock.new_id().to_string(),
            correlation_id: self.clock.new_id(),
            causation_id: None,
        };
        let mut request = runtime::call(message, &cause);
        request.set_timeout(LIMIT);
        request
    }
}

fn name(user: Uuid) -> String {
    format!("user/{user}/totp")
}

const LIMIT: Duration = Duration::from_secs(10);
