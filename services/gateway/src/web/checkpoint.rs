//! The newest signed checkpoint of the event log, for anybody: who keeps it elsewhere can tell later whether the log
//! was changed. It says how many events there are, and a hash.

use std::{sync::Arc, time::Duration};

use api::projection::v1::{
    Checkpoint, GetCheckpointRequest, proof_service_client::ProofServiceClient,
};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{sync::Mutex, time::Instant};
use tonic::{Code, Request, Status, transport::Channel};
use tracing::debug;

/// The two paths.
pub fn routes(projection: Channel) -> Router {
    let published = Published {
        proofs: ProofServiceClient::new(projection),
        last: Arc::default(),
    };
    Router::new()
        .route("/checkpoint", get(note))
        .route("/checkpoint/key", get(key))
        .with_state(published)
}

/// What was given out last, so that a crowd of strangers asks the projection once.
#[derive(Clone)]
struct Published {
    proofs: ProofServiceClient<Channel>,
    last: Arc<Mutex<Option<(Instant, Checkpoint)>>>,
}

impl Published {
    async fn newest(&self) -> Result<Checkpoint, Status> {
        let mut last = self.last.lock().await;
        if let Some((at, checkpoint)) = &*last
            && at.elapsed() < KEPT
        {
            return Ok(checkpoint.clone());
        }
        let mut request = Request::new(GetCheckpointRequest::default());
        request.set_timeout(PATIENCE);
        let checkpoint = self.proofs.clone().get_checkpoint(request).await?;
        let checkpoint = checkpoint.into_inner();
        *last = Some((Instant::now(), checkpoint.clone()));
        Ok(checkpoint)
    }
}

async fn note(State(published): State<Published>) -> Response {
    match published.newest().await {
        Ok(checkpoint) => plain(StatusCode::OK, checkpoint.note),
        Err(status) => none(&status),
    }
}

async fn key(State(published): State<Published>) -> Response {
    match published.newest().await {
        Ok(checkpoint) => plain(StatusCode::OK, checkpoint.verifier_key + "\n"),
        Err(status) => none(&status),
    }
}

fn none(status: &Status) -> Response {
    debug!(code = ?status.code(), reason = status.message(), "no checkpoint to give out");
    match status.code() {
        Code::NotFound => plain(
            StatusCode::NOT_FOUND,
            "No checkpoint was signed yet.\n".to_owned(),
        ),
        _ => plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "The checkpoint cannot be looked up now.\n".to_owned(),
        ),
    }
}

fn plain(status: StatusCode, text: String) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

const KEPT: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);
