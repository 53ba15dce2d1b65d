//! Fresh leaves for services whose own is still good: each for its own identity, and for no other.

use std::sync::Arc;

use api::{
    keystore::v1::{
        RenewIdentityRequest, RenewIdentityResponse, identity_service_server::IdentityService,
    },
    refuse::Violations,
};
use pki::csr;
use runtime::{Caller, Clock, IdentityIssuer, identity::IssueError};
use tonic::{Request, Response, Status};

use crate::{commands::CommandError, internal_ca::InternalCa};

/// The service, and what renews the keystore's own leaf. Cheap to clone.
#[derive(Clone)]
pub struct Identities {
    /// Who signs.
    pub ca: Arc<InternalCa>,
    /// The time.
    pub clock: Clock,
}

#[tonic::async_trait]
impl IdentityService for Identities {
    async fn renew_identity(
        &self,
        request: Request<RenewIdentityRequest>,
    ) -> Result<Response<RenewIdentityResponse>, Status> {
        let name = Caller::of(&request)?.service.clone();
        let mut violations = Violations::new();
        let key = csr::public_key(&request.get_ref().csr_der);
        let Some(key) = violations.check("csr_der", key) else {
            return Err(violations.into_status());
        };
        let certificate_pem = self
            .ca
            .issue(&name, &key, self.clock.now())
            .map_err(CommandError::Identity)?;
        tracing::info!(identity = name, "identity renewed");
        Ok(Response::new(RenewIdentityResponse { certificate_pem }))
    }
}

#[async_trait::async_trait]
impl IdentityIssuer for Identities {
    async fn issue(&self, csr_der: Vec<u8>) -> Result<String, IssueError> {
        let key = csr::public_key(&csr_der)?;
        Ok(self.ca.issue("keystore", &key, self.clock.now())?)
    }
}
