//! The gRPC door: a request is parsed whole, then decided on, then answered.

mod door;

use api::acme::v1::{
    GetServerContactRequest, GetServerContactResponse, RegisterServerRequest,
    RegisterServerResponse, RenewNowRequest, RenewNowResponse, RequestCertificateRequest,
    RequestCertificateResponse, acme_service_server::AcmeService,
};
use runtime::Caller;
use tonic::{Request, Response, Status};

use crate::{
    contacts,
    refusal::{CommandError, Refusal},
    registration::Registrar,
    requests::Requests,
    server::Server,
};

/// The service, as the gateway calls it.
pub struct Acme {
    /// Registers servers.
    pub registrar: Registrar,
    /// Takes requests for certificates.
    pub requests: Requests,
}

#[tonic::async_trait]
impl AcmeService for Acme {
    async fn register_server(
        &self,
        request: Request<RegisterServerRequest>,
    ) -> Result<Response<RegisterServerResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let registration = door::registration(request.get_ref())?;
        let (id, registered) = self.registrar.register(&origin, &registration).await?;
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
        let server = self.registrar.log.load::<Server>(&id.to_string()).await;
        let server = server.map_err(CommandError::Log)?.state;
        server.registered().map_err(Refusal::Server)?;
        let contact_emails = contacts::of(&self.registrar.database, id).await;
        let contact_emails = contact_emails.map_err(CommandError::Database)?;
        Ok(Response::new(GetServerContactResponse { contact_emails }))
    }

    async fn request_certificate(
        &self,
        request: Request<RequestCertificateRequest>,
    ) -> Result<Response<RequestCertificateResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let wish = door::wish(request.get_ref())?;
        let (id, position) = self.requests.request(&origin, &wish).await?;
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
