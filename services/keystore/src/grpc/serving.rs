//! What gateways serve.

use std::pin::Pin;

use api::keystore::v1::{
    ServingChange, WatchServingCredentialsRequest, serving_service_server::ServingService,
};
use futures_util::{Stream, StreamExt};
use runtime::Caller;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Keystore;
use crate::{commands::CommandError, tls};

#[tonic::async_trait]
impl ServingService for Keystore {
    type WatchServingCredentialsStream =
        Pin<Box<dyn Stream<Item = Result<ServingChange, Status>> + Send>>;

    async fn watch_serving_credentials(
        &self,
        request: Request<WatchServingCredentialsRequest>,
    ) -> Result<Response<Self::WatchServingCredentialsStream>, Status> {
        let caller = Caller::of(&request)?;
        let origin = caller.origin(request.get_ref());
        let log = &self.commands.log;
        // What was decided before the session began is in its snapshot.
        let last = log.last_sequence().await.map_err(CommandError::Log)?;
        let caught_up = self.commands.progress.caught_up(last).await;
        caught_up.map_err(CommandError::Database)?;
        let snapshot = self.feed.snapshot().await.map_err(CommandError::Database)?;

        // Step 1: the event. Keys are given to nobody of whom the log does not know.
        let certificates = u32::try_from(snapshot.len()).unwrap_or(u32::MAX);
        let grant = tls::Command::Grant {
            gateway: caller.service.clone(),
            certificates,
        };
        // Each session is an event, also one that began with the same request.
        let session = Uuid::new_v4().to_string();
        let now = self.commands.clock.now();
        let decide = |state: &tls::State| tls::decide(state, &grant);
        let granted = log.execute(tls::ID, &origin, &session, now, decide).await;
        granted.map_err(CommandError::from)?;
        tracing::info!(
            gateway = caller.service,
            certificates,
            "serving session granted"
        );

        // Step 2: the keys.
        let (to, changes) = mpsc::channel(IN_FLIGHT);
        let (feed, stopping) = (self.feed.clone(), self.stopping.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                sent = feed.send(snapshot, to) => if let Err(error) = sent {
                    // The stream ends; the gateway serves on what it has, and comes back.
                    tracing::error!(%error, "serving session broken off");
                }
            }
        });
        Ok(Response::new(Box::pin(
            ReceiverStream::new(changes).map(Ok),
        )))
    }
}

/// Changes that wait for a slow gateway, beside what the connection itself holds.
const IN_FLIGHT: usize = 16;
