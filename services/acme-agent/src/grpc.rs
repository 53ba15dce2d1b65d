//! The gRPC door: a request is parsed whole, then decided on, then answered.

mod door;

use std::sync::Arc;

use api::{
    acme::v1::{
        GetServerContactRequest, GetServerContactResponse, RegisterServerRequest,
        RegisterServerResponse, RenewNowRequest, RenewNowResponse, RequestCertificateRequest,
        RequestCertificateResponse, acme_service_server::AcmeService,
    },
    refuse,
};
use runtime::Caller;
use tonic::{Code, Request, Response, Status};
use tracing::Instrument;

use crate::{refusal::CommandError, registration::Registrar, requests::Requests};

/// The service, as the gateway calls it.
pub struct Acme {
    /// Registers servers.
    pub registrar: Arc<Registrar>,
    /// Takes requests for certificates.
    pub requests: Arc<Requests>,
}

#[tonic::async_trait]
impl AcmeService for Acme {
    async fn register_server(
        &self,
        request: Request<RegisterServerRequest>,
    ) -> Result<Response<RegisterServerResponse>, Status> {
        // The digest stands in the log for good, and an address could be guessed from it: a repeat's
        // addresses are compared with those in our own database.
        let logged = RegisterServerRequest {
            contact_emails: Vec::new(),
            ..request.get_ref().clone()
        };
        let origin = Caller::of(&request)?.origin(&logged);
        let registration = door::registration(request.get_ref())?;
        let registrar = self.registrar.clone();
        let work = async move { registrar.register(&origin, &registration).await };
        let (id, registered) = to_its_end(work).await?;
        let what = registered.what;
        Ok(Response::new(RegisterServerResponse {
            server_id: id.to_string(),
            account_url: what.account_url,
            terms_of_service_url: what.terms_of_service_url,
            website_url: what.website_url,
            position: registered.position,
        }))
    }

    async fn get_server_contact(
        &self,
        request: Request<GetServerContactRequest>,
    ) -> Result<Response<GetServerContactResponse>, Status> {
        let id = door::id("server_id", &request.get_ref().server_id)?;
        let contact_emails = self.registrar.contact(id).await?;
        Ok(Response::new(GetServerContactResponse { contact_emails }))
    }

    async fn request_certificate(
        &self,
        request: Request<RequestCertificateRequest>,
    ) -> Result<Response<RequestCertificateResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let wish = door::wish(request.get_ref())?;
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
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let id = door::id("automation_id", &request.get_ref().automation_id)?;
        let position = self.requests.renew(&origin, id).await?;
        Ok(Response::new(RenewNowResponse { position }))
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
