//! Tables built from the event log, and every query.
//!
//! An event walks eventlog's `Follower` → [`follow`] (rows and checkpoint in one transaction) →
//! [`tables`]. A question walks [`grpc`] → [`query`] (parsed whole, then one statement) → the table,
//! after [`position`] has reached what it waits for; how a row stands then, [`status`] says. When certificates expire is shown
//! by [`mod@metrics`], too. Nothing but the log writes to the tables: they can be thrown away and built again, in a
//! place of their own ([`store`]), by a [`rebuild`] whose outcome the [`keeper`] serves; a copy of the log's beginning
//! answers of the past ([`moments`]), and [`verify`] compares what is served with a replay. What is written to the log
//! here is the [`seal`] on it, whose proofs are answered by [`grpc::proof`], what is [`skipped`], and what a [`scrub`] of it finds.

pub mod beside;
pub mod config;
pub mod events;
pub mod follow;
pub mod grpc;
pub mod keeper;
mod metrics;
pub mod moments;
pub mod position;
pub mod query;
pub mod rebuild;
pub mod refusal;
pub mod scrub;
pub mod seal;
pub mod served;
pub mod skipped;
pub mod status;
pub mod store;
pub mod tables;
pub mod verify;

use api::{
    keystore::v1::keystore_service_client::KeystoreServiceClient,
    projection::v1::{
        proof_service_server::ProofServiceServer, query_service_server::QueryServiceServer,
        tables_service_server::TablesServiceServer,
    },
};
use eventlog::proof::NoteError;
use runtime::{ChannelError, Runtime};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tonic::service::Routes;

pub use self::{config::Config, metrics::METRICS};
use self::{
    follow::FOLLOWER,
    grpc::{Questions, proof::Proofs, tables::Upkeep},
    keeper::Keeper,
    moments::Moments,
    position::Position,
    rebuild::Rebuilds,
    scrub::{Damaged, Scrubber},
    seal::Sealer,
    served::Served,
    store::Store,
    verify::Verifier,
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
    let base = runtime.database(tables::migration::all()).await?;
    let store = Store::new(base.clone(), runtime.places());
    let place = store.served().await?;
    let checkpoint = eventlog::checkpoint::checkpoint(&place.database, FOLLOWER).await;
    let position = Position::at(checkpoint.map_err(RunError::Checkpoint)?.sequence);
    let served = Served::new(place.database.clone(), position.clone());
    let log = runtime.log().await?;
    let clock = runtime.clock().clone();
    let scrubber = Scrubber::new(log.clone(), served.clone(), clock.clone());
    let tail = scrubber.tail(config.scrub_tail_events.into());
    if let Some(looked) = runtime.stopping().run_until_cancelled(tail).await {
        looked?;
    }
    let scratch = runtime.layout().database_dir().join("moments");
    let moments = Moments::new(log.clone(), scratch.clone()).map_err(RunError::Scratch)?;

    let stopping = runtime.stopping();
    let (switches, asked) = mpsc::channel(1);
    let (ours, base_of) = (served.clone(), store.clone());
    let keeper = Keeper::new(log.clone(), base_of, ours, asked, clock.clone());
    let keeping = keeper.run(place, stopping.clone());
    let keeping = AbortOnDropHandle::new(tokio::spawn(keeping));
    let rebuilds = Rebuilds::new(log.clone(), store, switches, stopping.clone());
    let closing = AbortOnDropHandle::new(tokio::spawn(async move {
        stopping.cancelled().await;
        position.close();
    }));

    let sealer = Sealer {
        log: log.clone(),
        served: served.clone(),
        clock: clock.clone(),
        keystore: KeystoreServiceClient::new(
            runtime.channel("keystore").map_err(RunError::Keystore)?,
        ),
        origin,
    };
    let _sealing = config.checkpoint_every().map(|every| {
        let sealing = sealer.clone().keep_sealing(every, runtime.stopping());
        AbortOnDropHandle::new(tokio::spawn(sealing))
    });

    runtime.collect(metrics::Certificates(served.clone()));
    runtime.collect(metrics::Scrubs(scrubber.clone()));
    let _scrubbing = config.scrub_every().map(|every| {
        let scrubbing = scrubber.keep_scrubbing(every, runtime.stopping());
        AbortOnDropHandle::new(tokio::spawn(scrubbing))
    });

    let questions = Questions::new(
        served.clone(),
        Some(moments),
        clock.clone(),
        config.patience(),
    );
    let upkeep = Upkeep {
        served,
        rebuilds,
        verifier: Verifier::new(log.clone(), scratch),
        log,
        clock,
    };
    let questions = QueryServiceServer::new(questions).max_decoding_message_size(grpc::MAX_REQUEST);
    let proofs = Proofs {
        sealer,
        witnesses,
        patience: config.patience(),
    };
    let proofs = ProofServiceServer::new(proofs).max_decoding_message_size(grpc::MAX_REQUEST);
    let upkeep = TablesServiceServer::new(upkeep).max_decoding_message_size(grpc::MAX_REQUEST);
    let routes = Routes::new(questions)
        .add_service(upkeep)
        .add_service(proofs);
    runtime.serve(routes).await?;

    // Drained: the last batch is written, and the database's log file folded into it.
    let (kept, closed) = tokio::join!(keeping, closing);
    closed.map_err(RunError::Task)?;
    let place = kept.map_err(RunError::Task)?;
    place.close().await.map_err(RunError::Close)?;
    base.close().await.map_err(RunError::Close)
}

/// Why the service cannot run, or go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its database cannot be used.
    #[error("cannot use the projection's database")]
    Database(#[from] runtime::DatabaseError),
    /// Its tables cannot be found, or be made.
    #[error("cannot use the projection's tables")]
    Store(#[from] store::StoreError),
    /// There is no room for tables that are thrown away.
    #[error("cannot use the folder for tables of the past")]
    Scratch(#[source] std::io::Error),
    /// Its checkpoint cannot be read.
    #[error("cannot read the projection's checkpoint")]
    Checkpoint(#[source] sea_orm::DbErr),
    /// The event log cannot be opened.
    #[error("cannot open the event log")]
    Log(#[from] runtime::LogOpenError),
    /// Its last events are not those that the tables were made from.
    #[error(transparent)]
    Damaged(#[from] Damaged),
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
