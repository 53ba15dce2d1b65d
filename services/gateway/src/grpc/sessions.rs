//! Who is calling, and who has signed in.

use api::{
    convert::timestamp,
    gateway::v1::{
        EndSessionRequest, EndSessionResponse, ListSessionsRequest, ListSessionsResponse, Session,
        WhoAmIRequest, WhoAmIResponse, session_service_server::SessionService,
    },
    options::v1::Role,
};
use tonic::{Request, Response, Status};

use super::{origin, person, principal, to_its_end};
use crate::{
    commands::{CommandError, Commands},
    instant, parse,
    rows::user,
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
        let name = match person(principal) {
            Some(id) => {
                let user = user::find(&self.commands.database, id).await;
                user.map_err(CommandError::Database)?
                    .map(|user| user.login_name)
            }
            None => None,
        };
        Ok(Response::new(WhoAmIResponse {
            actor: principal.actor.clone(),
            role: principal.role.into(),
            expires: None,
            version: env!("CARGO_PKG_VERSION").into(),
            name: name.unwrap_or_default(),
            ..WhoAmIResponse::default()
        }))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let principal = principal(&request)?;
        let asked = parse::one_or_all("user_id", &request.get_ref().user_id)?;
        let own = person(principal);
        let of = match (principal.role, own) {
            (Role::Admin, _) => asked,
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
            current: false,
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
        let of = match principal.role {
            Role::Admin => None,
            // A program has none: no session is of nobody.
            _ => Some(person(principal).unwrap_or_default()),
        };
        let origin = origin(&request)?;
        let commands = self.commands.clone();
        let work = async move { commands.end_session(&origin, id, of).await };
        Ok(Response::new(EndSessionResponse {
            position: to_its_end(work).await?,
        }))
    }
}
