//! Whether the services answer: for the page that says how Chancery is.

use std::time::Duration;

use futures_util::future::join_all;
use tonic::transport::Channel;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::Forwarder;

impl Forwarder {
    /// Each of the services behind the gateway, and whether it takes calls now.
    pub async fn answering(&self) -> Vec<(&'static str, bool)> {
        let inner = &self.inner;
        let services = [
            ("keystore", &inner.keystore),
            ("csr-service", &inner.csr_service),
            ("acme-agent", &inner.acme_agent),
            ("notifier", &inner.notifier),
            ("projection", &inner.projection),
        ];
        let asked = services.map(async |(name, channel)| (name, answers(channel).await));
        join_all(asked).await
    }
}

async fn answers(channel: &Channel) -> bool {
    let mut health = HealthClient::new(channel.clone());
    let asked = health.check(HealthCheckRequest::default());
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => answer.get_ref().status() == ServingStatus::Serving,
        Ok(Err(_)) | Err(_) => false,
    }
}

/// Services on the same network answer at once, or not.
const PATIENCE: Duration = Duration::from_millis(500);
