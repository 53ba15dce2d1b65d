//! Commands about ACME servers.

use std::sync::Arc;

use api::acme::v1::{
    AccountKeyRolled, DeactivateServerRequest, DeactivateServerResponse, GetServerContactRequest,
    GetServerContactResponse, ListPresetsRequest, ListPresetsResponse, PreviewDirectoryRequest,
    PreviewDirectoryResponse, Profile, RegisterServerRequest, RegisterServerResponse,
    RollAccountKeyRequest, RollAccountKeyResponse, UpdateServerContactRequest,
    UpdateServerContactResponse, server_service_server::ServerService,
};
use eventlog::Origin;
use runtime::Caller;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    changes::What,
    events::ServerEvent,
    presets,
    registration::Registrar,
    upkeep::{Done, Upkeep},
};

use super::{door, to_its_end};

/// Commands about ACME servers.
pub struct Servers {
    /// Registers servers.
    pub registrar: Arc<Registrar>,
    /// Changes their accounts.
    pub upkeep: Arc<Upkeep>,
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
        Ok(Response::new(ListPresetsResponse {
            presets: presets::all(),
        }))
    }

    async fn preview_directory(
        &self,
        request: Request<PreviewDirectoryRequest>,
    ) -> Result<Response<PreviewDirectoryResponse>, Status> {
        let (url, roots) = door::directory(request.get_ref())?;
        let directory = self.registrar.preview(&url, &roots).await?;
        let meta = directory.meta;
        let profiles = meta.profiles.into_iter();
        let profiles = profiles.map(|(name, description)| Profile { name, description });
        Ok(Response::new(PreviewDirectoryResponse {
            website_url: meta.website.unwrap_or_default(),
            terms_of_service_url: meta.terms_of_service.unwrap_or_default(),
            external_account_required: meta.external_account_required,
            caa_identities: meta.caa_identities,
            profiles: profiles.collect(),
            renewal_information: directory.renewal_info.is_some(),
        }))
    }

    async fn update_server_contact(
        &self,
        request: Request<UpdateServerContactRequest>,
    ) -> Result<Response<UpdateServerContactResponse>, Status> {
        // As in a registration: no digest of the addresses.
        let logged = UpdateServerContactRequest {
            contact_emails: Vec::new(),
            ..request.get_ref().clone()
        };
        let origin = Caller::of(&request)?.origin(&logged);
        let (id, emails) = door::contact(request.get_ref())?;
        let done = self.change(origin, id, What::Contact(emails)).await?;
        Ok(Response::new(UpdateServerContactResponse {
            position: done.position,
        }))
    }

    async fn roll_account_key(
        &self,
        request: Request<RollAccountKeyRequest>,
    ) -> Result<Response<RollAccountKeyResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let id = door::id("server_id", &request.get_ref().server_id)?;
        let done = self.change(origin, id, What::RollKey).await?;
        let rolled = match done.event {
            ServerEvent::AccountKeyRolled(rolled) => rolled,
            // The change is of its kind, and so is its event.
            _ => AccountKeyRolled::default(),
        };
        Ok(Response::new(RollAccountKeyResponse {
            account_key_thumbprint: rolled.account_key_thumbprint,
            position: done.position,
        }))
    }

    async fn deactivate_server(
        &self,
        request: Request<DeactivateServerRequest>,
    ) -> Result<Response<DeactivateServerResponse>, Status> {
        let origin = Caller::of(&request)?.origin(request.get_ref());
        let id = door::id("server_id", &request.get_ref().server_id)?;
        let done = self.change(origin, id, What::Deactivate).await?;
        Ok(Response::new(DeactivateServerResponse {
            position: done.position,
        }))
    }
}

impl Servers {
    async fn change(&self, origin: Origin, server: Uuid, what: What) -> Result<Done, Status> {
        let upkeep = self.upkeep.clone();
        to_its_end(async move { upkeep.change(&origin, server, what).await }).await
    }
}
