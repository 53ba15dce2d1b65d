//! Requests to commands, commands to replies. Alone knows tonic.

use std::pin::Pin;

use api::{
    convert,
    keystore::v1::{
        self, AddCertificateRequest, AddCertificateResponse, DestroySecretRequest,
        DestroySecretResponse, GenerateKeyRequest, GenerateKeyResponse, OpenSecretRequest,
        OpenSecretResponse, SealSecretRequest, SealSecretResponse, ServingChange,
        SignRequestRequest, SignRequestResponse, SignSelfSignedRequest, SignSelfSignedResponse,
        WatchServingCredentialsRequest, certificate_service_server::CertificateService,
        keystore_service_server::KeystoreService, serving_service_server::ServingService,
    },
    refuse::Violations,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use runtime::Caller;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    commands::{CommandError, Commands},
    parse,
    refusal::Refusal,
    secrets::Secrets,
    serving::Feed,
    tls,
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
        let vault = &self.commands.vault;
        let key = vault.find(key_id).await.map_err(CommandError::Vault)?;
        if !key.is_some_and(|key| key.recorded) {
            return Err(Refusal::NoSuchKey.into());
        }
        let csr = vault.sign_request(key_id, subject, names).await;
        let csr_der = csr.map_err(CommandError::Vault)?.into();
        Ok(Response::new(SignRequestResponse { csr_der }))
    }

    async fn sign_self_signed(
        &self,
        request: Request<SignSelfSignedRequest>,
    ) -> Result<Response<SignSelfSignedResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let sign = parse::self_sign(request.get_ref())?;
        let (added, leaf) = self.commands.self_sign(&origin, sign).await?;
        Ok(Response::new(SignSelfSignedResponse {
            certificate_id: added.certificate_id.to_string(),
            key_id: String::new(),
            certificate: Some((&leaf).into()),
            position: added.position,
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

    async fn reserve_request(
        &self,
        _: Request<v1::ReserveRequestRequest>,
    ) -> Result<Response<v1::ReserveRequestResponse>, Status> {
        Err(Status::unimplemented("this comes with the next commits"))
    }

    async fn release_request(
        &self,
        _: Request<v1::ReleaseRequestRequest>,
    ) -> Result<Response<v1::ReleaseRequestResponse>, Status> {
        Err(Status::unimplemented("this comes with the next commits"))
    }
}

#[tonic::async_trait]
impl CertificateService for Keystore {
    async fn import(
        &self,
        _: Request<v1::ImportRequest>,
    ) -> Result<Response<v1::ImportResponse>, Status> {
        Err(Status::unimplemented("this comes with the next commits"))
    }

    async fn export(
        &self,
        _: Request<v1::ExportRequest>,
    ) -> Result<Response<v1::ExportResponse>, Status> {
        Err(Status::unimplemented("this comes with the next commits"))
    }

    async fn export_with_private_keys(
        &self,
        _: Request<v1::ExportRequest>,
    ) -> Result<Response<v1::ExportResponse>, Status> {
        Err(Status::unimplemented("this comes with the next commits"))
    }

    async fn export_key(
        &self,
        _: Request<v1::ExportKeyRequest>,
    ) -> Result<Response<v1::ExportResponse>, Status> {
        Err(Status::unimplemented("this comes with the next commits"))
    }

    async fn rename_certificate(
        &self,
        _: Request<v1::RenameCertificateRequest>,
    ) -> Result<Response<v1::RenameCertificateResponse>, Status> {
        Err(Status::unimplemented("this comes with the next commits"))
    }

    async fn set_default(
        &self,
        _: Request<v1::SetDefaultRequest>,
    ) -> Result<Response<v1::SetDefaultResponse>, Status> {
        Err(Status::unimplemented("this comes with the next commits"))
    }

    async fn clear_default(
        &self,
        _: Request<v1::ClearDefaultRequest>,
    ) -> Result<Response<v1::ClearDefaultResponse>, Status> {
        Err(Status::unimplemented("this comes with the next commits"))
    }

    async fn delete_certificates(
        &self,
        _: Request<v1::DeleteCertificatesRequest>,
    ) -> Result<Response<v1::DeleteCertificatesResponse>, Status> {
        Err(Status::unimplemented("this comes with the next commits"))
    }

    async fn restore_certificate(
        &self,
        _: Request<v1::RestoreCertificateRequest>,
    ) -> Result<Response<v1::RestoreCertificateResponse>, Status> {
        Err(Status::unimplemented("this comes with the next commits"))
    }

    async fn destroy_keys(
        &self,
        _: Request<v1::DestroyKeysRequest>,
    ) -> Result<Response<v1::DestroyKeysResponse>, Status> {
        Err(Status::unimplemented("this comes with the next commits"))
    }
}

#[tonic::async_trait]
impl ServingService for Keystore {
    type WatchServingCredentialsStream =
        Pin<Box<dyn Stream<Item = Result<ServingChange, Status>> + Send>>;

    async fn watch_serving_credentials(
        &self,
        request: Request<WatchServingCredentialsRequest>,
    ) -> Result<Response<Self::WatchServingCredentialsStream>, Status> {
        let caller = Caller::of(&request)?;
        let origin = caller.origin(request.get_ref());
        let log = &self.commands.log;
        // What was decided before the session began is in its snapshot.
        let last = log.last_sequence().await.map_err(CommandError::Log)?;
        let caught_up = self.feed.caught_up(last).await;
        caught_up.map_err(CommandError::Database)?;
        let snapshot = self.feed.snapshot().await.map_err(CommandError::Database)?;

        // Step 1: the event. Keys are given to nobody of whom the log does not know.
        let grant = tls::Grant {
            gateway: caller.service.clone(),
            certificates: u32::try_from(snapshot.len()).unwrap_or(u32::MAX),
        };
        // Each session is an event, also one that began with the same request.
        let session = Uuid::new_v4().to_string();
        let now = self.commands.clock.now();
        let decide = |state: &tls::State| Ok::<_, Refusal>(tls::decide(state, &grant));
        let granted = log.execute(tls::ID, &origin, &session, now, decide).await;
        granted.map_err(CommandError::from)?;
        tracing::info!(
            gateway = grant.gateway,
            certificates = grant.certificates,
            "serving session granted"
        );

        // Step 2: the keys.
        let (to, changes) = mpsc::channel(IN_FLIGHT);
        let (feed, stopping) = (self.feed.clone(), self.stopping.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                sent = feed.send(snapshot, to) => if let Err(error) = sent {
                    // The stream ends; the gateway serves on what it has, and comes back.
                    tracing::error!(%error, "serving session broken off");
                }
            }
        });
        Ok(Response::new(Box::pin(
            ReceiverStream::new(changes).map(Ok),
        )))
    }
}

/// Changes that wait for a slow gateway, beside what the connection itself holds.
const IN_FLIGHT: usize = 16;
