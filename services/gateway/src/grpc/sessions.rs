//! Who is calling, and who has signed in.

use api::{
    convert::timestamp,
    gateway::v1::{
        EndSessionRequest, EndSessionResponse, ListSessionsRequest, ListSessionsResponse, Session,
        WhoAmIRequest, WhoAmIResponse, session_service_server::SessionService,
    },
};
use tonic::{Request, Response, Status};

use super::{origin, principal, to_its_end};
use crate::{
    commands::Commands,
    instant, parse,
    principal::{KeyExport, Who},
};

/// The session service. Its calls carry the principal that the door found.
pub struct Sessions {
    /// What commands do.
    pub commands: Commands,
}

#[tonic::async_trait]
impl SessionService for Sessions {
    async fn who_am_i(
        &self,
        request: Request<WhoAmIRequest>,
    ) -> Result<Response<WhoAmIResponse>, Status> {
        let principal = principal(&request)?;
        Ok(Response::new(WhoAmIResponse {
            actor: principal.actor.clone(),
            role: principal.role.into(),
            expires: principal.expires.map(timestamp),
            version: env!("CARGO_PKG_VERSION").into(),
            name: principal.name.clone(),
            certificate_filter: principal.certificates.names().to_vec(),
            key_export: principal.key_export != KeyExport::Denied,
        }))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let principal = principal(&request)?;
        let asked = parse::one_or_all("user_id", &request.get_ref().user_id)?;
        let own = principal.user_id();
        let of = match (principal.administers(), own) {
            (true, _) => asked,
            // Somebody else's are none for him, and a program has none.
            (_, Some(own)) if asked.is_none_or(|asked| asked == own) => Some(own),
            _ => return Ok(Response::new(ListSessionsResponse::default())),
        };
        let sessions = self.commands.sessions(of).await?;
        let sessions = sessions.into_iter().map(|(row, open)| Session {
            session_id: open.id.to_string(),
            user_id: open.user.to_string(),
            login_name: open.login_name,
            signed_in: Some(timestamp(open.signed_in)),
            last_used: Some(timestamp(instant::time(row.last_used))),
            expires: Some(timestamp(open.expires)),
            address: row.address,
            user_agent: row.user_agent,
            current: matches!(principal.who, Who::Session { id, .. } if id == open.id),
        });
        Ok(Response::new(ListSessionsResponse {
            sessions: sessions.collect(),
        }))
    }

    async fn end_session(
        &self,
        request: Request<EndSessionRequest>,
    ) -> Result<Response<EndSessionResponse>, Status> {
        let principal = principal(&request)?;
        let id = parse::one("session_id", &request.get_ref().session_id)?;
        let of = match principal.administers() {
            true => None,
            // A program has none: no session is of nobody.
            false => Some(principal.user_id().unwrap_or_default()),
        };
        let origin = origin(&request)?;
        let commands = self.commands.clone();
        let work = async move { commands.end_session(&origin, id, of).await };
        Ok(Response::new(EndSessionResponse {
            position: to_its_end(work).await?,
        }))
    }
}
