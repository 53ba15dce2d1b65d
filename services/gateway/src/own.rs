//! What the gateway answers itself.

use api::gateway::v1::session_service_server::SessionServiceServer;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status, service::Routes};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health, HealthServer},
};

use crate::{
    reflection::{self, ReflectionError},
    session::Session,
};

/// The gateway's own methods. Their requests carry the caller: the [`crate::principal::Principal`] or
/// [`crate::forward::Source`] that the door found, and the [`runtime::Caller`] that goes into events.
///
/// # Errors
/// When the contracts cannot be described.
pub fn routes(stopping: CancellationToken) -> Result<Routes, ReflectionError> {
    let routes = Routes::new(SessionServiceServer::new(Session));
    let routes = routes.add_service(HealthServer::new(Edge { stopping }));
    Ok(reflection::add_to(routes)?.prepare())
}

/// Whether this gateway takes calls: all that a load balancer asks. How the services behind it are is nobody's
/// affair outside.
struct Edge {
    stopping: CancellationToken,
}

#[tonic::async_trait]
impl Health for Edge {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = &request.get_ref().service;
        if !service.is_empty() {
            return Err(api::refuse::status(
                Code::NotFound,
                "NOT_FOUND",
                "the gateway tells of itself alone: leave the service's name empty",
            ));
        }
        let status = match self.stopping.is_cancelled() {
            true => ServingStatus::NotServing,
            false => ServingStatus::Serving,
        };
        Ok(Response::new(HealthCheckResponse {
            status: status.into(),
        }))
    }

    type WatchStream = tokio_stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        // The door has no such method: strangers keep no stream open.
        Err(Status::unimplemented("ask with Check"))
    }
}
