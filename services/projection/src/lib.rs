//! Tables built from the event log, and every query.
//!
//! An event walks eventlog's `Follower` → [`follow`] (rows and checkpoint in one transaction) →
//! [`tables`]. A question walks [`grpc`] → [`query`] (parsed whole, then one statement) → the table,
//! after [`position`] has reached what it waits for; how a row stands then, [`status`] says. When certificates expire is shown
//! by [`mod@metrics`], too. Nothing but
//! the log writes to the tables: they can be thrown away and built again. The one thing that is written to the log
//! is the [`seal`] on it; what it proves is answered by [`grpc::proof`].

pub mod config;
pub mod events;
pub mod follow;
pub mod grpc;
mod metrics;
pub mod position;
pub mod query;
pub mod refusal;
pub mod seal;
pub mod status;
pub mod tables;

use api::{
    keystore::v1::keystore_service_client::KeystoreServiceClient,
    projection::v1::{
        proof_service_server::ProofServiceServer, query_service_server::QueryServiceServer,
    },
};
use eventlog::proof::NoteError;
use runtime::{ChannelError, Runtime};
use tokio_util::task::AbortOnDropHandle;
use tonic::service::Routes;

pub use self::{config::Config, metrics::METRICS};
use self::{
    follow::FOLLOWER,
    grpc::{Questions, proof::Proofs},
    position::Position,
    seal::Sealer,
};

/// Follows the log and answers questions until the runtime stops.
///
/// An event that cannot be applied ends the following and not the answering: questions are answered
/// from the tables as they were before it, and those that wait for more are refused.
///
/// # Errors
/// See [`RunError`].
pub async fn run(config: Config, runtime: Runtime) -> Result<(), RunError> {
    let origin = config.origin().map_err(RunError::Name)?;
    let witnesses = config.witnesses().map_err(RunError::Witness)?;
    let database = runtime.database(tables::migration::all()).await?;
    let checkpoint = eventlog::checkpoint::checkpoint(&database, FOLLOWER).await;
    let position = Position::at(checkpoint.map_err(RunError::Checkpoint)?.sequence);
    let log = runtime.log().await?;

    let stopping = runtime.stopping();
    let writer = runtime.writer().await?;
    let following = follow::follow(
        log.clone(),
        writer.clone(),
        position.clone(),
        stopping.clone(),
    );
    let following = AbortOnDropHandle::new(tokio::spawn(following));
    let closing = AbortOnDropHandle::new(tokio::spawn({
        let position = position.clone();
        async move {
            stopping.cancelled().await;
            position.close();
        }
    }));

    let sealer = Sealer {
        log,
        database: database.clone(),
        position: position.clone(),
        clock: runtime.clock().clone(),
        keystore: KeystoreServiceClient::new(
            runtime.channel("keystore").map_err(RunError::Keystore)?,
        ),
        origin,
    };
    let _sealing = config.checkpoint_every().map(|every| {
        let sealing = sealer.clone().keep_sealing(every, runtime.stopping());
        AbortOnDropHandle::new(tokio::spawn(sealing))
    });

    runtime.collect(metrics::Certificates(database.clone()));

    let questions = Questions::new(
        database.clone(),
        position,
        runtime.clock().clone(),
        config.patience(),
    );
    let questions = QueryServiceServer::new(questions).max_decoding_message_size(grpc::MAX_REQUEST);
    let proofs = Proofs {
        sealer,
        witnesses,
        patience: config.patience(),
    };
    let proofs = ProofServiceServer::new(proofs).max_decoding_message_size(grpc::MAX_REQUEST);
    runtime
        .serve(Routes::new(questions).add_service(proofs))
        .await?;

    // Drained: the last batch is written, and the database's log file folded into it.
    let (followed, closed) = tokio::join!(following, closing);
    followed.and(closed).map_err(RunError::Task)?;
    writer.close().await.map_err(RunError::Close)?;
    database.close().await.map_err(RunError::Close)
}

/// Why the service cannot run, or go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its database cannot be used.
    #[error("cannot use the projection's database")]
    Database(#[from] runtime::DatabaseError),
    /// Its checkpoint cannot be read.
    #[error("cannot read the projection's checkpoint")]
    Checkpoint(#[source] sea_orm::DbErr),
    /// The event log cannot be opened.
    #[error("cannot open the event log")]
    Log(#[from] runtime::LogOpenError),
    /// The log's name in the configuration is none.
    #[error("projection.log_origin cannot be used")]
    Name(#[source] NoteError),
    /// A witness's key in the configuration is none.
    #[error("projection.witnesses cannot be used")]
    Witness(#[source] NoteError),
    /// The channel to the keystore.
    #[error("cannot reach the keystore")]
    Keystore(#[source] ChannelError),
    /// Its gRPC cannot be served.
    #[error("cannot serve queries")]
    Serve(#[from] runtime::ServeError),
    /// A task of its own broke off: a fault in the program.
    #[error("a task of the projection broke off")]
    Task(#[source] tokio::task::JoinError),
    /// What is still in memory cannot be written.
    #[error("cannot close the projection's database")]
    Close(#[source] sea_orm::DbErr),
}
