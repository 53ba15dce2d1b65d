//! What the gateway answers itself: who is calling.

use api::gateway::v1::{
    EndSessionRequest, EndSessionResponse, ListSessionsRequest, ListSessionsResponse,
    WhoAmIRequest, WhoAmIResponse, session_service_server::SessionService,
};
use tonic::{Code, Request, Response, Status};

use crate::principal::{KeyExport, Principal};

/// The session service. Its calls carry the [`Principal`] that the door found.
#[derive(Debug, Clone, Copy)]
pub struct Session;

#[tonic::async_trait]
impl SessionService for Session {
    async fn who_am_i(
        &self,
        request: Request<WhoAmIRequest>,
    ) -> Result<Response<WhoAmIResponse>, Status> {
        let principal = request.extensions().get::<Principal>();
        let principal = principal.ok_or_else(|| {
            api::refuse::status(
                Code::Internal,
                "NO_CALLER",
                "the call came in past the door",
            )
        })?;
        Ok(Response::new(WhoAmIResponse {
            actor: principal.actor.clone(),
            role: principal.role.into(),
            expires: principal.expires.map(api::convert::timestamp),
            version: env!("CARGO_PKG_VERSION").into(),
            name: principal.name.clone(),
            certificate_filter: principal.certificates.names().to_vec(),
            key_export: principal.key_export != KeyExport::Denied,
        }))
    }

    async fn list_sessions(
        &self,
        _: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        Err(Status::unimplemented("sessions"))
    }

    async fn end_session(
        &self,
        _: Request<EndSessionRequest>,
    ) -> Result<Response<EndSessionResponse>, Status> {
        Err(Status::unimplemented("sessions"))
    }
}
