//! The gateway's own gRPC services, behind the same door as everybody's: requests to commands, commands to replies.

mod sessions;
mod users;

use api::{
    gateway::v1::{
        session_service_server::SessionServiceServer, user_service_server::UserServiceServer,
    },
    refuse,
};
use eventlog::Origin;
use runtime::Caller;
use tonic::{Code, Request, Status, service::Routes};
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    commands::{CommandError, Commands},
    tokens::Principal,
};

/// All that the gateway answers itself.
pub fn routes(commands: &Commands) -> Routes {
    Routes::new(SessionServiceServer::new(sessions::Sessions {
        commands: commands.clone(),
    }))
    .add_service(UserServiceServer::new(users::Users {
        commands: commands.clone(),
    }))
}

/// Who calls: the door has put him there.
fn principal<T>(request: &Request<T>) -> Result<&Principal, Status> {
    let principal = request.extensions().get();
    principal.ok_or_else(|| {
        let text = "the call came in past the door";
        refuse::status(Code::Internal, "NO_CALLER", text)
    })
}

/// What the command brings into its event.
fn origin<T: prost::Message>(request: &Request<T>) -> Result<Origin, Status> {
    Ok(Caller::of(request)?.origin(request.get_ref()))
}

/// The person behind the call, where there is one.
fn person(principal: &Principal) -> Option<Uuid> {
    Uuid::parse_str(principal.actor.strip_prefix("user/")?).ok()
}

/// Does the work although the caller may go away: what is in the database is then followed by its event.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, CommandError>> + Send + 'static,
) -> Result<T, Status> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => Ok(done?),
        Err(broken) => {
            tracing::error!(error = %broken, "command broke off");
            let text = "the command broke off";
            Err(refuse::status(Code::Internal, "BROKE_OFF", text))
        }
    }
}
