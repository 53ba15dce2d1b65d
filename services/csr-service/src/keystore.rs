//! The keystore, as this service asks it: always in the name of who asked us.

use std::time::Duration;

use api::{
    keystore::v1::{
        FileVerdict, ImportFile, ImportRequest, ReleaseRequestRequest, ReserveRequestRequest,
        ReserveRequestResponse, SignSelfSignedRequest, SignSelfSignedResponse,
        certificate_service_client::CertificateServiceClient,
        keystore_service_client::KeystoreServiceClient,
    },
    refuse,
};
use eventlog::Origin;
use runtime::Cause;
use tonic::{Request, Status, transport::Channel};
use uuid::Uuid;

/// The keystore did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("the keystore does not answer; try again")]
pub struct KeystoreError(#[source] Box<Status>);

impl From<Status> for KeystoreError {
    fn from(status: Status) -> Self {
        Self(Box::new(status))
    }
}

impl KeystoreError {
    /// What the keystore itself said: its code, reason, message and fields, for the caller as they are.
    /// `None` where the answer is not one of its own.
    pub fn answered(&self) -> Option<Status> {
        refuse::reason(&self.0)?;
        // Without the headers of its answer, which are between the two of us.
        let details = self.0.details().to_vec().into();
        Some(Status::with_details(
            self.0.code(),
            self.0.message(),
            details,
        ))
    }

    /// The stable reason and the message of a refusal for this reason.
    pub fn refused_for(&self, reason: &str) -> Option<(String, String)> {
        let said = refuse::reason(&self.0).filter(|said| said == reason)?;
        Some((said, self.0.message().to_owned()))
    }
}

/// Asks the keystore. Cheap to clone.
#[derive(Clone)]
pub struct Keystore {
    keys: KeystoreServiceClient<Channel>,
    certificates: CertificateServiceClient<Channel>,
}

impl Keystore {
    /// Over a channel to it.
    pub fn new(channel: Channel) -> Self {
        Self {
            keys: KeystoreServiceClient::new(channel.clone()),
            certificates: CertificateServiceClient::new(channel),
        }
    }

    /// Reserves name and key of a request, and signs it.
    pub async fn reserve(
        &self,
        origin: &Origin,
        message: ReserveRequestRequest,
    ) -> Result<ReserveRequestResponse, KeystoreError> {
        let request = request(message, origin, "reserve", SLOW);
        let reserved = self.keys.clone().reserve_request(request).await?;
        Ok(reserved.into_inner())
    }

    /// Gives up what was reserved for a request.
    pub async fn release(&self, origin: &Origin, id: Uuid) -> Result<(), KeystoreError> {
        let message = ReleaseRequestRequest {
            request_id: id.to_string(),
        };
        let request = request(message, origin, &format!("release/{id}"), QUICK);
        self.keys.clone().release_request(request).await?;
        Ok(())
    }

    /// Signs and keeps a certificate.
    pub async fn sign_self_signed(
        &self,
        origin: &Origin,
        message: SignSelfSignedRequest,
    ) -> Result<SignSelfSignedResponse, KeystoreError> {
        let request = request(message, origin, "self-signed", SLOW);
        let signed = self.keys.clone().sign_self_signed(request).await?;
        Ok(signed.into_inner())
    }

    /// Takes in one file: its verdict, and the log's position then (0 where nothing was new).
    pub async fn import(
        &self,
        origin: &Origin,
        file: ImportFile,
    ) -> Result<(FileVerdict, u64), KeystoreError> {
        // The same place may give out something else the next time: that is another import.
        let item = format!("import/{}", pki::fingerprint::sha256_hex(&file.content));
        let message = ImportRequest { files: vec![file] };
        let request = request(message, origin, &item, QUICK);
        let imported = self.certificates.clone().import(request).await?;
        let imported = imported.into_inner();
        let verdict = imported.files.into_iter().next().unwrap_or_default();
        Ok((verdict, imported.position))
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
    let mut request = runtime::call_for(message, &cause, &origin.actor);
    request.set_timeout(limit);
    request
}

const QUICK: Duration = Duration::from_secs(10);

/// RSA keys of 4,096 bits take seconds, more on a busy machine.
const SLOW: Duration = Duration::from_secs(60);
