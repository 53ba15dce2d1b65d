//! Requests to commands, commands to replies. Alone knows tonic.

use api::{
    csr::v1::{
        CopyFromRequest, CopyFromResponse, CreateRequestRequest, CreateRequestResponse,
        CreateSelfSignedRequest, CreateSelfSignedResponse, DeleteRequestsRequest,
        DeleteRequestsResponse, FetchIssuersRequest, FetchIssuersResponse,
        csr_service_server::CsrService,
    },
    refuse,
};
use runtime::Caller;
use tonic::{Code, Request, Response, Status};
use tracing::Instrument;

use crate::{
    commands::{CommandError, Commands},
    parse,
};

/// The service, as the gateway calls it.
pub struct Csr {
    /// What a command does.
    pub commands: Commands,
}

#[tonic::async_trait]
impl CsrService for Csr {
    async fn create_request(
        &self,
        request: Request<CreateRequestRequest>,
    ) -> Result<Response<CreateRequestResponse>, Status> {
        let caller = Caller::of(&request)?.clone();
        let origin = caller.origin(request.get_ref());
        let create = parse::create_request(request.get_ref())?;
        create.form.within(&caller.certificates)?;
        if let Some(renews) = create.renews {
            let renewed = self.commands.renewable_within(renews, &caller.certificates);
            renewed.await?;
        }
        let commands = self.commands.clone();
        let work = async move { commands.create_request(&origin, create).await };
        let created = to_its_end(work).await?;
        Ok(Response::new(CreateRequestResponse {
            request_id: created.id.to_string(),
            key_id: created.event.key_id,
            csr_pem: pki::pem::certificate_request(&created.event.csr_der),
            position: created.position,
        }))
    }

    async fn create_self_signed(
        &self,
        request: Request<CreateSelfSignedRequest>,
    ) -> Result<Response<CreateSelfSignedResponse>, Status> {
        let caller = Caller::of(&request)?;
        let origin = caller.origin(request.get_ref());
        let sign = parse::self_sign(request.get_ref())?;
        sign.form.within(&caller.certificates)?;
        let signed = self.commands.self_sign(&origin, sign).await?;
        Ok(Response::new(CreateSelfSignedResponse {
            certificate_id: signed.certificate_id,
            key_id: signed.key_id,
            certificate: signed.certificate,
            position: signed.position,
        }))
    }

    async fn copy_from(
        &self,
        request: Request<CopyFromRequest>,
    ) -> Result<Response<CopyFromResponse>, Status> {
        let source = parse::copy_from(request.get_ref())?;
        let copied = self.commands.copy_from(source).await?;
        let key_id = copied.key_id.map(|id| id.to_string());
        Ok(Response::new(CopyFromResponse {
            friendly_name: copied.friendly_name,
            key_id: key_id.unwrap_or_default(),
            key_algorithm: copied.key_algorithm,
            subject: Some(copied.subject),
            subject_alt_names: Some(copied.names),
        }))
    }

    async fn delete_requests(
        &self,
        request: Request<DeleteRequestsRequest>,
    ) -> Result<Response<DeleteRequestsResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let delete = parse::delete_requests(request.get_ref())?;
        let commands = self.commands.clone();
        let work = async move { commands.delete_requests(&origin, delete).await };
        let (requests, position) = to_its_end(work).await?;
        Ok(Response::new(DeleteRequestsResponse { requests, position }))
    }

    async fn fetch_issuers(
        &self,
        request: Request<FetchIssuersRequest>,
    ) -> Result<Response<FetchIssuersResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let id = parse::fetch_issuers(request.get_ref())?;
        let fetched = self.commands.fetch_issuers(&origin, id).await?;
        Ok(Response::new(FetchIssuersResponse {
            issuers: fetched.issuers,
            chain_complete: fetched.missing.is_none(),
            message: fetched.missing.unwrap_or_default(),
            position: fetched.position,
        }))
    }
}

/// Does the work although the caller may go away: what was reserved is then given up, or used.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, CommandError>> + Send + 'static,
) -> Result<T, Status> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => Ok(done?),
        Err(broken) => {
            tracing::error!(error = %broken, "command broke off");
            Err(refuse::status(
                Code::Internal,
                "BROKE_OFF",
                "the command broke off",
            ))
        }
    }
}
