//! The keystore, as this service asks it: for its sealed secrets.

use std::time::Duration;

use api::keystore::v1::{
    DestroySecretRequest, OpenSecretRequest, SealSecretRequest,
    keystore_service_client::KeystoreServiceClient,
};
use bytes::Bytes;
use eventlog::Origin;
use runtime::Cause;
use tonic::{Code, Request, Status, transport::Channel};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The keystore did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("the keystore does not answer; try again")]
pub struct KeystoreError(#[source] Box<Status>);

impl From<Status> for KeystoreError {
    fn from(status: Status) -> Self {
        Self(Box::new(status))
    }
}

/// A secret of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// The password at the SMTP server.
    Password,
    /// The URL of a webhook: who has it may use it.
    Url,
    /// What a webhook's messages are signed with.
    Signing,
}

impl Secret {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Password, Self::Url, Self::Signing];

    fn name(self, channel: Uuid) -> String {
        let secret = match self {
            Self::Password => "password",
            Self::Url => "url",
            Self::Signing => "signing",
        };
        format!("channel/{channel}/{secret}")
    }
}

/// Asks the keystore. Cheap to clone.
#[derive(Clone)]
pub struct Keystore(KeystoreServiceClient<Channel>);

impl Keystore {
    /// Over a channel to it.
    pub fn new(channel: Channel) -> Self {
        Self(KeystoreServiceClient::new(channel))
    }

    /// Seals a secret, in place of the one that there was.
    ///
    /// # Errors
    /// Where the keystore does not.
    pub async fn seal(
        &self,
        origin: &Origin,
        channel: Uuid,
        secret: Secret,
        content: &[u8],
    ) -> Result<(), KeystoreError> {
        let name = secret.name(channel);
        let message = SealSecretRequest {
            name: name.clone(),
            secret: Bytes::copy_from_slice(content),
        };
        self.0
            .clone()
            .seal_secret(request(message, origin, &name))
            .await?;
        Ok(())
    }

    /// Opens a secret; `None` where there is none.
    ///
    /// # Errors
    /// Where the keystore does not answer.
    pub async fn open(
        &self,
        origin: &Origin,
        channel: Uuid,
        secret: Secret,
    ) -> Result<Option<Zeroizing<String>>, KeystoreError> {
        let name = secret.name(channel);
        let message = OpenSecretRequest { name: name.clone() };
        match self
            .0
            .clone()
            .open_secret(request(message, origin, &name))
            .await
        {
            Ok(opened) => {
                let octets = Zeroizing::new(opened.into_inner().secret.to_vec());
                // What was sealed was text.
                let text = str::from_utf8(&octets).unwrap_or_default();
                Ok(Some(Zeroizing::new(text.to_owned())))
            }
            Err(none) if none.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// Destroys a secret, where there is one.
    ///
    /// # Errors
    /// Where the keystore does not.
    pub async fn destroy(
        &self,
        origin: &Origin,
        channel: Uuid,
        secret: Secret,
    ) -> Result<(), KeystoreError> {
        let name = secret.name(channel);
        let message = DestroySecretRequest { name: name.clone() };
        self.0
            .clone()
            .destroy_secret(request(message, origin, &name))
            .await?;
        Ok(())
    }
}

/// A call that follows from what `origin` stands for.
fn request<M>(message: M, origin: &Origin, item: &str) -> Request<M> {
    let cause = Cause {
        request_id: eventlog::derive_id(origin, item).to_string(),
        correlation_id: origin.correlation_id,
        causation_id: origin.causation_id,
    };
    let mut request = runtime::call(message, &cause);
    request.set_timeout(LIMIT);
    request
}

const LIMIT: Duration = Duration::from_secs(10);
