//! A keystore that knows certificates only: what a gateway asks of one.

use std::{net::TcpListener, pin::Pin, sync::Arc};

use api::keystore::v1::{
    ServingChange, ServingCredential, SnapshotComplete, WatchServingCredentialsRequest,
    serving_change::Change,
    serving_service_server::{ServingService, ServingServiceServer},
};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::watch;
use tonic::{Request, Response, Status, service::Routes};
use town::installation::Installation;

/// It answers a watch with what it has, and ends it when that changes.
#[derive(Clone)]
pub struct Keystore(watch::Sender<Arc<[ServingCredential]>>);

impl Keystore {
    /// In the place of the installation's own.
    pub fn start(installation: &Installation) -> Keystore {
        let keystore = Keystore(watch::Sender::new(Arc::default()));
        let listener = TcpListener::bind(installation.peer("keystore")).unwrap();
        let runtime = installation.runtime("keystore", Some(listener));
        let routes = Routes::new(ServingServiceServer::new(keystore.clone()));
        tokio::spawn(async move { runtime.serve(routes).await.unwrap() });
        keystore
    }

    /// Has these from now on.
    pub fn serves(&self, credentials: &[ServingCredential]) {
        self.0.send_replace(credentials.into());
    }
}

#[tonic::async_trait]
impl ServingService for Keystore {
    type WatchServingCredentialsStream =
        Pin<Box<dyn Stream<Item = Result<ServingChange, Status>> + Send>>;

    async fn watch_serving_credentials(
        &self,
        _: Request<WatchServingCredentialsRequest>,
    ) -> Result<Response<Self::WatchServingCredentialsStream>, Status> {
        let mut watch = self.0.subscribe();
        let credentials = watch.borrow_and_update().clone();
        let change = |change| ServingChange {
            change: Some(change),
        };
        let puts = (0..credentials.len())
            .map(move |number| change(Change::Put(credentials[number].clone())));
        let complete = change(Change::SnapshotComplete(SnapshotComplete {}));
        let until_it_changes = stream::once(async move {
            let _ = watch.changed().await;
            Err(Status::unavailable("there are others now"))
        });
        let all = stream::iter(puts.chain([complete])).map(Ok);
        Ok(Response::new(Box::pin(all.chain(until_it_changes))))
    }
}
