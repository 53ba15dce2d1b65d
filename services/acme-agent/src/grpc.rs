//! The gRPC door: a request is parsed whole, then decided on, then answered.

mod dns_providers;
mod door;
mod servers;

pub use dns_providers::DnsProviders;
pub use servers::Servers;

use std::sync::Arc;

use api::{
    acme::v1::{
        CancelAutomationRequest, CancelAutomationResponse, Check, CheckRequestRequest,
        PauseAutomationRequest, PauseAutomationResponse, RenewNowRequest, RenewNowResponse,
        RequestCertificateRequest, RequestCertificateResponse, ResumeAutomationRequest,
        ResumeAutomationResponse, RevokeCertificateRequest, RevokeCertificateResponse,
        acme_service_server::AcmeService,
    },
    refuse,
};
use futures_util::{StreamExt, stream::BoxStream};
use runtime::Caller;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};
use tracing::Instrument;

use crate::{preflight::Preflight, refusal::CommandError, requests::Requests, within};

/// Commands about automated certificates.
pub struct Acme {
    /// Takes requests for certificates.
    pub requests: Arc<Requests>,
    /// Checks them.
    pub preflight: Arc<Preflight>,
}

#[tonic::async_trait]
impl AcmeService for Acme {
    async fn request_certificate(
        &self,
        request: Request<RequestCertificateRequest>,
    ) -> Result<Response<RequestCertificateResponse>, Status> {
        let caller = Caller::of(&request)?;
        let origin = caller.origin(request.get_ref());
        let wish = door::wish(request.get_ref())?;
        wish.within(&caller.certificates)?;
        let requests = self.requests.clone();
        let work = async move { requests.request(&origin, &wish).await };
        let (id, position) = to_its_end(work).await?;
        Ok(Response::new(RequestCertificateResponse {
            automation_id: id.to_string(),
            position,
        }))
    }

    async fn renew_now(
        &self,
        request: Request<RenewNowRequest>,
    ) -> Result<Response<RenewNowResponse>, Status> {
        let caller = Caller::of(&request)?;
        let origin = caller.origin(request.get_ref());
        let id = door::id("automation_id", &request.get_ref().automation_id)?;
        self.requests.within(id, &caller.certificates).await?;
        let position = self.requests.renew(&origin, id).await?;
        Ok(Response::new(RenewNowResponse { position }))
    }

    async fn pause_automation(
        &self,
        request: Request<PauseAutomationRequest>,
    ) -> Result<Response<PauseAutomationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let origin = caller.origin(request.get_ref());
        let id = door::id("automation_id", &request.get_ref().automation_id)?;
        self.requests.within(id, &caller.certificates).await?;
        let reason = door::reason(&request.get_ref().reason)?;
        let position = self.requests.pause(&origin, id, reason).await?;
        Ok(Response::new(PauseAutomationResponse { position }))
    }

    async fn resume_automation(
        &self,
        request: Request<ResumeAutomationRequest>,
    ) -> Result<Response<ResumeAutomationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let origin = caller.origin(request.get_ref());
        let id = door::id("automation_id", &request.get_ref().automation_id)?;
        self.requests.within(id, &caller.certificates).await?;
        let position = self.requests.resume(&origin, id).await?;
        Ok(Response::new(ResumeAutomationResponse { position }))
    }

    async fn cancel_automation(
        &self,
        request: Request<CancelAutomationRequest>,
    ) -> Result<Response<CancelAutomationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let origin = caller.origin(request.get_ref());
        let id = door::id("automation_id", &request.get_ref().automation_id)?;
        self.requests.within(id, &caller.certificates).await?;
        let position = self.requests.cancel(&origin, id).await?;
        Ok(Response::new(CancelAutomationResponse { position }))
    }

    async fn revoke_certificate(
        &self,
        request: Request<RevokeCertificateRequest>,
    ) -> Result<Response<RevokeCertificateResponse>, Status> {
        let caller = Caller::of(&request)?;
        let origin = caller.origin(request.get_ref());
        let message = request.get_ref();
        let id = door::id("automation_id", &message.automation_id)?;
        self.requests.within(id, &caller.certificates).await?;
        let reason = door::revocation_reason(message.reason)?;
        let revoked = self.requests.revoke(&origin, id, message.version, reason);
        let position = revoked.await?;
        Ok(Response::new(RevokeCertificateResponse { position }))
    }

    type CheckRequestStream = BoxStream<'static, Result<Check, Status>>;

    async fn check_request(
        &self,
        request: Request<CheckRequestRequest>,
    ) -> Result<Response<Self::CheckRequestStream>, Status> {
        let caller = Caller::of(&request)?;
        let origin = caller.origin(request.get_ref());
        let question = door::question(request.get_ref())?;
        let message = request.get_ref();
        let names = message.dns_names.iter().chain(&message.ip_addresses);
        within::names(names, &caller.certificates)?;
        let checks = self.preflight.begin(origin, question).await?;
        let checks = ReceiverStream::new(checks).map(Ok);
        Ok(Response::new(checks.boxed()))
    }
}

/// Does the work although the caller may go away: what it claimed is then given up, or used.
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
