//! The keystore, as this service asks it.

use std::time::Duration;

use api::{
    keystore::v1::{
        AddCertificateRequest, AddCertificateResponse, DestroySecretRequest, GenerateKeyRequest,
        MarkRevokedRequest, OpenSecretRequest, ReleaseCertificateRequest, SealSecretRequest,
        SignRequestRequest, keystore_service_client::KeystoreServiceClient,
    },
    x509::v1::{KeyAlgorithm, SubjectAltNames},
};
use bytes::Bytes;
use eventlog::Origin;
use runtime::Cause;
use tonic::{Code, Request, Status, transport::Channel};
use zeroize::Zeroizing;

/// The keystore did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("the keystore did not {what}: {}", status.message())]
pub struct KeystoreError {
    what: &'static str,
    #[source]
    status: Box<Status>,
}

impl KeystoreError {
    /// Whether it may do it another time: it did not answer, or is in trouble itself.
    pub fn may_pass(&self) -> bool {
        // The rest is an answer about what was asked: asking again changes nothing.
        !matches!(
            self.status.code(),
            Code::InvalidArgument
                | Code::NotFound
                | Code::AlreadyExists
                | Code::FailedPrecondition
                | Code::OutOfRange
                | Code::Unimplemented
        )
    }

    /// The keystore's own words.
    pub fn message(&self) -> &str {
        self.status.message()
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

    /// Makes a key, or finds the one that was made for the same `item` of the same cause: its id.
    pub async fn generate_key(
        &self,
        origin: &Origin,
        item: &str,
        algorithm: KeyAlgorithm,
    ) -> Result<String, KeystoreError> {
        let message = GenerateKeyRequest {
            algorithm: algorithm.into(),
        };
        let request = request(message, origin, item, SLOW);
        let made = self.0.clone().generate_key(request).await;
        Ok(made.map_err(not("make the key"))?.into_inner().key_id)
    }

    /// A certificate request for these names, signed with a key of the keystore, DER.
    pub async fn sign_request(
        &self,
        origin: &Origin,
        item: &str,
        key_id: &str,
        names: SubjectAltNames,
    ) -> Result<Bytes, KeystoreError> {
        // The names alone: a CA takes nothing else from a request for a domain-validated certificate, and
        // not every profile allows a common name, which an address and a long name could not be anyway.
        let message = SignRequestRequest {
            key_id: key_id.to_owned(),
            subject: None,
            subject_alt_names: Some(names),
        };
        let request = request(message, origin, item, SLOW);
        let signed = self.0.clone().sign_request(request).await;
        Ok(signed
            .map_err(not("sign the certificate request"))?
            .into_inner()
            .csr_der)
    }

    /// Keeps a certificate.
    pub async fn add_certificate(
        &self,
        origin: &Origin,
        item: &str,
        certificate: AddCertificateRequest,
    ) -> Result<AddCertificateResponse, KeystoreError> {
        let request = request(certificate, origin, item, QUICK);
        let kept = self.0.clone().add_certificate(request).await;
        Ok(kept.map_err(not("keep the certificate"))?.into_inner())
    }

    /// Marks a version as revoked; a repeat is the same fact.
    pub async fn mark_revoked(
        &self,
        origin: &Origin,
        message: MarkRevokedRequest,
    ) -> Result<(), KeystoreError> {
        let item = format!("revoked/{}", message.version);
        let request = request(message, origin, &item, QUICK);
        let marked = self.0.clone().mark_revoked(request).await;
        marked
            .map(drop)
            .map_err(not("mark the certificate as revoked"))
    }

    /// Lets go of a certificate whose automation has ended.
    pub async fn release_certificate(
        &self,
        origin: &Origin,
        message: ReleaseCertificateRequest,
    ) -> Result<(), KeystoreError> {
        let request = request(message, origin, "release", QUICK);
        let released = self.0.clone().release_certificate(request).await;
        released.map(drop).map_err(not("let go of the certificate"))
    }

    /// Seals a secret.
    pub async fn seal(
        &self,
        origin: &Origin,
        name: &str,
        secret: &[u8],
    ) -> Result<(), KeystoreError> {
        let message = SealSecretRequest {
            name: name.to_owned(),
            secret: Bytes::copy_from_slice(secret),
        };
        let request = request(message, origin, name, QUICK);
        let sealed = self.0.clone().seal_secret(request).await;
        sealed.map(drop).map_err(not("seal a secret"))
    }

    /// Opens a sealed secret; `None` where there is none of that name.
    pub async fn open(
        &self,
        origin: &Origin,
        name: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KeystoreError> {
        let message = OpenSecretRequest {
            name: name.to_owned(),
        };
        let request = request(message, origin, name, QUICK);
        match self.0.clone().open_secret(request).await {
            Ok(opened) => Ok(Some(Zeroizing::new(opened.into_inner().secret.to_vec()))),
            Err(none) if none.code() == Code::NotFound => Ok(None),
            Err(status) => Err(not("open a secret")(status)),
        }
    }

    /// Destroys a sealed secret, where there is one of that name.
    pub async fn destroy(&self, origin: &Origin, name: &str) -> Result<(), KeystoreError> {
        let message = DestroySecretRequest {
            name: name.to_owned(),
        };
        let request = request(message, origin, name, QUICK);
        let destroyed = self.0.clone().destroy_secret(request).await;
        destroyed.map(drop).map_err(not("destroy a secret"))
    }
}

/// A call that follows from what `origin` stands for. The same item of the same origin is the same
/// request to the keystore, however often it is made.
fn request<M>(message: M, origin: &Origin, item: &str, limit: Duration) -> Request<M> {
    let cause = Cause {
        request_id: eventlog::derive_id(origin, item).to_string(),
        correlation_id: origin.correlation_id,
        causation_id: origin.causation_id,
    };
    let mut request = runtime::call(message, &cause);
    request.set_timeout(limit);
    request
}

fn not(what: &'static str) -> impl FnOnce(Status) -> KeystoreError {
    move |status| KeystoreError {
        what,
        status: Box::new(status),
    }
}

const QUICK: Duration = Duration::from_secs(10);

/// RSA keys of 4,096 bits take seconds, more on a busy machine.
const SLOW: Duration = Duration::from_secs(60);
