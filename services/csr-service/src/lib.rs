//! Certificate requests (PKCS#10, RFC 2986) and self-signed certificates.
//!
//! A command walks [`grpc`] → [`parse`] → [`commands`] → [`request::decide`] → `eventlog` → reply; what
//! needs a key or a name is the [`keystore`]'s to do, in the name of who asked. A request that waits is
//! fulfilled by [`reactions`] to the import of its certificate. What the keystore says on the log of a
//! [`certificate`] or a [`key`] is read here as far as it matters.

mod certificate;
mod commands;
mod config;
mod events;
mod grpc;
mod key;
mod keystore;
mod metrics;
mod parse;
mod reactions;
mod refusal;
mod request;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod trials;

pub use config::Config;

use std::sync::Arc;

use api::csr::v1::csr_service_server::CsrServiceServer;
use eventlog::{FollowError, Follower, subject};
use runtime::Runtime;
use sea_orm_migration::MigrationTrait;
use tokio::sync::Notify;
use tonic::service::Routes;

use commands::Commands;
use keystore::Keystore;
use reactions::{Reactions, worker::Worker};

/// Runs the service until the runtime says to stop; what it owes to requests goes on at the next start.
///
/// # Errors
/// What it could not start with, or go on without.
pub async fn run(_: Config, runtime: Runtime) -> Result<(), RunError> {
    let log = runtime.log().await.map_err(RunError::Log)?;
    let database = runtime.database(migrations()).await;
    let database = database.map_err(RunError::Database)?;
    let channel = runtime.channel("keystore").map_err(RunError::Keystore)?;
    let clock = runtime.clock().clone();

    runtime.collect(metrics::Waiting {
        service: runtime.service(),
        database: database.clone(),
    });

    let owed = Arc::new(Notify::new());
    let reactions = Reactions::new(owed.clone());
    let grpc = grpc::Csr {
        commands: Commands {
            log: log.clone(),
            database: database.clone(),
            keystore: Keystore::new(channel),
            egress: runtime.egress().clone(),
            progress: reactions.progress(),
            clock: clock.clone(),
        },
    };
    let follower = Follower {
        name: Reactions::FOLLOWER.to_owned(),
        subjects: Reactions::KINDS.map(subject::of_kind).to_vec(),
        log: log.clone(),
        database: database.clone(),
    };
    let worker = Worker {
        log,
        database,
        clock,
        owed,
    };
    let routes = Routes::new(CsrServiceServer::new(grpc));
    let stopping = runtime.stopping();
    tokio::try_join!(
        async { runtime.serve(routes).await.map_err(RunError::Serve) },
        async {
            let followed = follower.run(reactions, stopping.clone()).await;
            followed.map_err(RunError::Follow)
        },
        async {
            worker.run(stopping.clone()).await;
            Ok(())
        },
    )?;
    Ok(())
}

/// All migrations of its database, oldest first.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(key::Migration),
        Box::new(reactions::owed::Migration),
        eventlog::checkpoint::migration(),
        eventlog::request_ledger::migration(),
    ]
}

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The event log.
    #[error("cannot open the event log")]
    Log(#[source] runtime::LogOpenError),
    /// The own database.
    #[error("cannot open the database")]
    Database(#[source] runtime::DatabaseError),
    /// The channel to the keystore.
    #[error("cannot reach the keystore")]
    Keystore(#[source] runtime::ChannelError),
    /// The door.
    #[error("cannot serve")]
    Serve(#[source] runtime::ServeError),
    /// The follower of the log.
    #[error("cannot follow the event log")]
    Follow(#[source] FollowError),
}
