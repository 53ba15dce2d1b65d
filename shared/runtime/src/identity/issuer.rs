//! Who certifies a new key.

use api::keystore::v1::{RenewIdentityRequest, identity_service_client::IdentityServiceClient};
use tonic::transport::Channel;

/// Why no certificate was issued.
pub type IssueError = Box<dyn std::error::Error + Send + Sync>;

/// Certifies a new key of this service's identity.
#[async_trait::async_trait]
pub trait IdentityIssuer: Send + Sync + 'static {
    /// The certificate and the internal CA's (PEM) for the public key of a PKCS#10 request (DER). The name is
    /// that of the service which asks, whatever the request says.
    async fn issue(&self, csr_der: Vec<u8>) -> Result<String, IssueError>;
}

/// Asks the keystore, over a connection that the current identity still opens.
pub(crate) struct KeystoreIssuer(Channel);

impl KeystoreIssuer {
    pub(crate) fn new(keystore: Channel) -> Self {
        Self(keystore)
    }
}

#[async_trait::async_trait]
impl IdentityIssuer for KeystoreIssuer {
    async fn issue(&self, csr_der: Vec<u8>) -> Result<String, IssueError> {
        let mut client = IdentityServiceClient::new(self.0.clone());
        let request = RenewIdentityRequest {
            csr_der: csr_der.into(),
        };
        let renewed = client.renew_identity(request).await?.into_inner();
        Ok(renewed.certificate_pem)
    }
}
