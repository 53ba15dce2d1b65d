//! Which services answer.

use std::time::Duration;

use api::metadata::VERSION;
use futures_util::future::join_all;
use tonic::Response;
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

use super::Forwarder;
use crate::method::Owner;

/// How a service stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub service: &'static str,
    /// It says that it serves.
    pub answers: bool,
    /// Which version of Chancery it is, where it says so.
    pub version: Option<String>,
}

impl Forwarder {
    /// All services behind the gateway, asked side by side; none for longer than `patience`.
    pub async fn services(&self, patience: Duration) -> Vec<Standing> {
        let inner = &self.inner;
        let asked = [
            (Owner::Keystore, &inner.keystore),
            (Owner::CsrService, &inner.csr_service),
            (Owner::AcmeAgent, &inner.acme_agent),
            (Owner::Notifier, &inner.notifier),
            (Owner::Projection, &inner.projection),
        ];
        join_all(asked.map(async |(owner, channel)| {
            let mut health = HealthClient::new(channel.clone());
            let check = health.check(HealthCheckRequest::default());
            let answer = tokio::time::timeout(patience, check).await;
            let serving = |answer: &Response<HealthCheckResponse>| {
                answer.get_ref().status() == ServingStatus::Serving
            };
            let answer = answer.ok().and_then(Result::ok);
            let version = |answer: &Response<HealthCheckResponse>| {
                let version = answer.metadata().get(VERSION)?;
                Some(version.to_str().ok()?.to_owned())
            };
            Standing {
                service: owner.service(),
                answers: answer.as_ref().is_some_and(serving),
                version: answer.as_ref().and_then(version),
            }
        }))
        .await
    }
}
