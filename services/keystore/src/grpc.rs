//! Requests to commands, commands to replies. Alone knows tonic.

mod certificates;
mod serving;

use api::{
    convert,
    keystore::v1::{
        AddCertificateRequest, AddCertificateResponse, DestroySecretRequest, DestroySecretResponse,
        GenerateKeyRequest, GenerateKeyResponse, MarkRevokedRequest, MarkRevokedResponse,
        OpenSecretRequest, OpenSecretResponse, ReleaseCertificateRequest,
        ReleaseCertificateResponse, ReleaseRequestRequest, ReleaseRequestResponse,
        ReserveRequestRequest, ReserveRequestResponse, SealSecretRequest, SealSecretResponse,
        SignCheckpointRequest, SignCheckpointResponse, SignRequestRequest, SignRequestResponse,
        SignSelfSignedRequest, SignSelfSignedResponse, keystore_service_server::KeystoreService,
    },
    refuse::Violations,
};
use bytes::Bytes;
use runtime::Caller;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{
    checkpoint,
    commands::{CommandError, Commands},
    parse,
    refusal::Refusal,
    secrets::Secrets,
    serving::Feed,
};

/// The service.
pub struct Keystore {
    /// What a command does.
    pub commands: Commands,
    /// Secrets of other services.
    pub secrets: Secrets,
    /// What gateways serve.
    pub feed: Feed,
    /// When the sessions of gateways end.
    pub stopping: CancellationToken,
}

#[tonic::async_trait]
impl KeystoreService for Keystore {
    async fn generate_key(
        &self,
        request: Request<GenerateKeyRequest>,
    ) -> Result<Response<GenerateKeyResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let mut violations = Violations::new();
        let algorithm = convert::key_algorithm(request.get_ref().algorithm);
        let Some(algorithm) = violations.check("algorithm", algorithm) else {
            return Err(violations.into_status());
        };
        let generated = self.commands.generate_key(&origin, algorithm).await?;
        Ok(Response::new(GenerateKeyResponse {
            key_id: generated.key_id.to_string(),
            spki_der: generated.spki_der.into(),
            position: generated.position,
        }))
    }

    async fn sign_request(
        &self,
        request: Request<SignRequestRequest>,
    ) -> Result<Response<SignRequestResponse>, Status> {
        let parse::SignRequest {
            key_id,
            subject,
            names,
        } = parse::sign_request(request.get_ref())?;
        let csr_der = self.commands.sign_request(key_id, subject, names).await?;
        let csr_der = csr_der.into();
        Ok(Response::new(SignRequestResponse { csr_der }))
    }

    async fn sign_self_signed(
        &self,
        request: Request<SignSelfSignedRequest>,
    ) -> Result<Response<SignSelfSignedResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let sign = parse::self_sign(request.get_ref())?;
        let signed = self.commands.self_sign(&origin, sign).await?;
        Ok(Response::new(SignSelfSignedResponse {
            certificate_id: signed.added.certificate_id.to_string(),
            key_id: signed.key_id.to_string(),
            certificate: Some((&signed.leaf).into()),
            position: signed.added.position,
        }))
    }

    async fn add_certificate(
        &self,
        request: Request<AddCertificateRequest>,
    ) -> Result<Response<AddCertificateResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let add = parse::add_certificate(request.get_ref())?;
        let certificate = Some((&add.leaf).into());
        let added = self.commands.add_certificate(&origin, add).await?;
        Ok(Response::new(AddCertificateResponse {
            certificate_id: added.certificate_id.to_string(),
            version: added.version,
            friendly_name: added.friendly_name,
            certificate,
            position: added.position,
        }))
    }

    async fn release_certificate(
        &self,
        request: Request<ReleaseCertificateRequest>,
    ) -> Result<Response<ReleaseCertificateResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let (id, automation_id) = parse::release_certificate(request.get_ref())?;
        let released = self
            .commands
            .release_certificate(&origin, id, automation_id);
        let position = released.await?;
        Ok(Response::new(ReleaseCertificateResponse { position }))
    }

    async fn mark_revoked(
        &self,
        request: Request<MarkRevokedRequest>,
    ) -> Result<Response<MarkRevokedResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let (id, version, reason) = parse::mark_revoked(request.get_ref())?;
        let marked = self.commands.mark_revoked(&origin, id, version, reason);
        let position = marked.await?;
        Ok(Response::new(MarkRevokedResponse { position }))
    }

    async fn seal_secret(
        &self,
        request: Request<SealSecretRequest>,
    ) -> Result<Response<SealSecretResponse>, Status> {
        let owner = Caller::of(&request)?.service.clone();
        let SealSecretRequest { name, secret } = request.into_inner();
        let name = parse::secret(&name, &secret)?;
        let now = self.commands.clock.now();
        let sealed = self.secrets.seal(&owner, &name, &secret, now).await;
        sealed.map_err(CommandError::Secret)?;
        Ok(Response::new(SealSecretResponse {}))
    }

    async fn open_secret(
        &self,
        request: Request<OpenSecretRequest>,
    ) -> Result<Response<OpenSecretResponse>, Status> {
        let owner = Caller::of(&request)?.service.clone();
        let name = parse::secret_name(&request.get_ref().name)?;
        let secret = self
            .secrets
            .open(&owner, &name)
            .await
            .map_err(CommandError::Secret)?;
        let secret = secret.ok_or(Refusal::NoSuchSecret)?;
        Ok(Response::new(OpenSecretResponse {
            secret: Bytes::from_owner(secret),
        }))
    }

    async fn destroy_secret(
        &self,
        request: Request<DestroySecretRequest>,
    ) -> Result<Response<DestroySecretResponse>, Status> {
        let owner = Caller::of(&request)?.service.clone();
        let name = parse::secret_name(&request.get_ref().name)?;
        let destroyed = self.secrets.destroy(&owner, &name).await;
        destroyed.map_err(CommandError::Secret)?;
        Ok(Response::new(DestroySecretResponse {}))
    }

    async fn sign_checkpoint(
        &self,
        request: Request<SignCheckpointRequest>,
    ) -> Result<Response<SignCheckpointResponse>, Status> {
        let head = parse::head(request.get_ref())?;
        let now = self.commands.clock.now();
        let (note, key) = checkpoint::sign(&self.secrets, &head, now).await?;
        Ok(Response::new(SignCheckpointResponse {
            note: note.to_string(),
            verifier_key: key.to_string(),
        }))
    }

    async fn reserve_request(
        &self,
        request: Request<ReserveRequestRequest>,
    ) -> Result<Response<ReserveRequestResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let reserve = parse::reserve_request(request.get_ref())?;
        let reserved = self.commands.reserve_request(&origin, reserve).await?;
        Ok(Response::new(ReserveRequestResponse {
            key_id: reserved.key_id.to_string(),
            key_algorithm: api::x509::v1::KeyAlgorithm::from(reserved.algorithm).into(),
            spki_sha256: reserved.spki_sha256,
            csr_der: reserved.csr_der.into(),
        }))
    }

    async fn release_request(
        &self,
        request: Request<ReleaseRequestRequest>,
    ) -> Result<Response<ReleaseRequestResponse>, Status> {
        let id = parse::one_id("request_id", &request.get_ref().request_id)?;
        self.commands.release_request(id).await?;
        Ok(Response::new(ReleaseRequestResponse {}))
    }
}
