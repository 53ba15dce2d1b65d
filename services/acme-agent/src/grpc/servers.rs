//! Commands about ACME servers.

use std::sync::Arc;

use api::acme::v1::{
    DeactivateServerRequest, DeactivateServerResponse, GetServerContactRequest,
    GetServerContactResponse, ListPresetsRequest, ListPresetsResponse, PreviewDirectoryRequest,
    PreviewDirectoryResponse, RegisterServerRequest, RegisterServerResponse, RollAccountKeyRequest,
    RollAccountKeyResponse, UpdateServerContactRequest, UpdateServerContactResponse,
    server_service_server::ServerService,
};
use runtime::Caller;
use tonic::{Request, Response, Status};

use crate::registration::Registrar;

use super::{door, to_its_end};

/// Commands about ACME servers.
pub struct Servers {
    /// Registers servers.
    pub registrar: Arc<Registrar>,
}

#[tonic::async_trait]
impl ServerService for Servers {
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

    async fn list_presets(
        &self,
        _: Request<ListPresetsRequest>,
    ) -> Result<Response<ListPresetsResponse>, Status> {
        Err(Status::unimplemented("ListPresets"))
    }

    async fn preview_directory(
        &self,
        _: Request<PreviewDirectoryRequest>,
    ) -> Result<Response<PreviewDirectoryResponse>, Status> {
        Err(Status::unimplemented("PreviewDirectory"))
    }

    async fn update_server_contact(
        &self,
        _: Request<UpdateServerContactRequest>,
    ) -> Result<Response<UpdateServerContactResponse>, Status> {
        Err(Status::unimplemented("UpdateServerContact"))
    }

    async fn roll_account_key(
        &self,
        _: Request<RollAccountKeyRequest>,
    ) -> Result<Response<RollAccountKeyResponse>, Status> {
        Err(Status::unimplemented("RollAccountKey"))
    }

    async fn deactivate_server(
        &self,
        _: Request<DeactivateServerRequest>,
    ) -> Result<Response<DeactivateServerResponse>, Status> {
        Err(Status::unimplemented("DeactivateServer"))
    }
}
