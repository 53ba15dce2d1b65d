//! Whether this gateway takes calls: for load balancers.

use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_server::Health,
};

/// Whether this gateway takes calls: all that a load balancer asks. How the services behind it are is nobody's
/// affair outside.
pub struct Edge {
    /// From then on it does not.
    pub stopping: CancellationToken,
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
