//! The gateway's own gRPC services, behind the same door as everybody's: requests to commands, commands to replies.

mod devices;
mod health;
mod sessions;
mod tokens;
mod users;

use api::{
    gateway::v1::{
        device_login_service_server::DeviceLoginServiceServer,
        session_service_server::SessionServiceServer, token_service_server::TokenServiceServer,
        user_service_server::UserServiceServer,
    },
    refuse,
};
use eventlog::Origin;
use runtime::Caller;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status, service::Routes};
use tonic_health::pb::health_server::HealthServer;
use tracing::Instrument;

use crate::{
    commands::{CommandError, Commands},
    forward::Source,
    principal::Principal,
    reflection::{self, ReflectionError},
};

/// All that the gateway answers itself. Requests carry the caller: the [`Principal`] or [`Source`] that the door
/// found, and the [`runtime::Caller`] that goes into events.
///
/// # Errors
/// When the contracts cannot be described.
pub fn routes(commands: &Commands, stopping: CancellationToken) -> Result<Routes, ReflectionError> {
    let sessions = sessions::Sessions {
        commands: commands.clone(),
    };
    let users = users::Users {
        commands: commands.clone(),
    };
    let tokens = tokens::Tokens {
        commands: commands.clone(),
    };
    let logins = devices::DeviceLogins {
        commands: commands.clone(),
    };
    let routes = Routes::new(SessionServiceServer::new(sessions))
        .add_service(UserServiceServer::new(users))
        .add_service(TokenServiceServer::new(tokens))
        .add_service(DeviceLoginServiceServer::new(logins))
        .add_service(HealthServer::new(health::Edge { stopping }));
    Ok(reflection::add_to(routes)?.prepare())
}

/// Where a stranger calls from: the door has put that there.
fn source<T>(request: &Request<T>) -> Result<Source, Status> {
    let source = request.extensions().get().copied();
    source.ok_or_else(|| {
        let text = "the call came in past the door";
        refuse::status(Code::Internal, "NO_CALLER", text)
    })
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
