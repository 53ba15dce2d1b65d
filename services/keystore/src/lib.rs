//! Private keys and their certificates: the only place a key is in the clear, besides the gateway's TLS.
//!
//! A command walks [`grpc`] → [`parse`] → [`commands`] → `decide` of [`certificate`], [`key`] or [`tls`] →
//! `eventlog` → reply. Keys lie in the [`vault`], sealed in an [`envelope`] by the key-encryption key
//! ([`kek`], of which there are two in the [`keyring`] while one is [rotated](rewrap)); RSA ones come from their [`makers`]. What must hold across aggregates is held by [`claims`],
//! which a [`writer`] writes; what a crash
//! left there is found by the [`sweep`]. The tables [follow] the log: what gateways are given
//! ([`serving`]), and from what chains are built ([`linking`]). The head of the log's tree is
//! signed by [`checkpoint`]. Beside it all stands the [`internal_ca`], of
//! which `chancery init` makes the first identities.

mod certificate;
mod checkpoint;
mod claims;
mod commands;
pub mod config;
mod envelope;
mod events;
mod factory;
mod follow;
mod grpc;
mod identity;
pub mod internal_ca;
pub mod kek;
mod key;
mod keyring;
mod linking;
mod makers;
mod parse;
mod refusal;
mod request;
mod rewrap;
mod rotation;
mod secrets;
mod serving;
mod sweep;
mod tables;
mod tls;
mod vault;
mod writer;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod trials;

use std::{pin::pin, sync::Arc, time::Duration};

use api::keystore::v1::{
    certificate_service_server::CertificateServiceServer,
    identity_service_server::IdentityServiceServer, keystore_service_server::KeystoreServiceServer,
    serving_service_server::ServingServiceServer,
};
use eventlog::FollowError;
use runtime::Runtime;
#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::{
    process::{Resource, Rlimit, setrlimit},
    system::uname,
};
use tokio_util::task::AbortOnDropHandle;
use tonic::service::Routes;

use crate::{
    commands::{CommandError, Commands},
    identity::Identities,
    internal_ca::{InternalCa, InternalCaError},
    kek::KekSources,
    keyring::Keyring,
    linking::Linker,
    rewrap::Rewrap,
    secrets::Secrets,
    serving::Feed,
    vault::Vault,
};
pub use crate::{
    config::Config,
    factory::FactoryError,
    keyring::{KeyringError, sealed_with},
    tables::migrations,
};

/// Why the keystore does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A crash could write keys to the disk.
    #[error("core dumps cannot be turned off")]
    CoreDumps(#[source] std::io::Error),
    /// There is no key-encryption key, or not the right one.
    #[error("the keystore's keys cannot be opened")]
    Keyring(#[source] KeyringError),
    /// The internal CA cannot be opened with it.
    #[error("the internal CA cannot be opened")]
    InternalCa(#[source] InternalCaError),
    /// The database cannot be opened.
    #[error("the keystore's database cannot be opened")]
    Database(#[source] runtime::DatabaseError),
    /// The event log cannot be opened.
    #[error("the event log cannot be opened")]
    Log(#[source] runtime::LogOpenError),
    /// What a start does before it serves.
    #[error("the keystore cannot be made ready")]
    Prepare(#[source] CommandError),
    /// The first certificate.
    #[error(transparent)]
    Factory(FactoryError),
    /// The table of what is served does not follow the log.
    #[error("the table of served certificates does not follow the log")]
    Follow(#[source] FollowError),
    /// The internal gRPC.
    #[error("the keystore cannot serve")]
    Serve(#[source] runtime::ServeError),
}

/// Runs the keystore until the runtime stops it.
///
/// # Errors
/// [`RunError`]: without the right key-encryption key nothing is served.
pub async fn run(config: Config, runtime: Runtime) -> Result<(), RunError> {
    forbid_core_dumps()?;
    let keks = KekSources::of(&config, runtime.layout());
    let database = runtime
        .database(tables::migrations())
        .await
        .map_err(RunError::Database)?;
    let keyring = Keyring::open(keks, database.clone(), runtime.clock().clone());
    let keyring = keyring.await.map_err(RunError::Keyring)?;
    let vault = Vault::new(keyring.clone(), database.clone());
    let ca = InternalCa::open(runtime.layout(), &keyring.keks()).map_err(RunError::InternalCa)?;
    let identities = Identities {
        ca: Arc::new(ca),
        clock: runtime.clock().clone(),
    };
    runtime.rotate_with(identities.clone());

    let log = runtime.log().await.map_err(RunError::Log)?;
    let clock = runtime.clock().clone();
    let commands = Commands::new(log.clone(), vault.clone(), database.clone(), clock);
    let feed = Feed::new(vault, database.clone(), commands.progress.clone());
    let (follower, tables) = commands.progress.follower(log);
    let follow = follower.run(tables, runtime.stopping());
    let linker = Linker::new(commands.clone());
    let keystore = grpc::Keystore {
        commands: commands.clone(),
        secrets: Secrets::new(keyring.clone(), database),
        feed: feed.clone(),
        stopping: runtime.stopping(),
    };
    let stopping = runtime.stopping();
    let serve = async {
        // Who is stopped before he is ready stops at once: the table that he waits for no longer moves.
        let prepared = stopping.run_until_cancelled(prepare(&commands, &feed));
        let Some(prepared) = prepared.await else {
            return Ok(());
        };
        prepared?;
        let _linker = AbortOnDropHandle::new(tokio::spawn(linker.run(stopping.clone())));
        let rewrap = Rewrap {
            keyring,
            commands: commands.clone(),
            layout: runtime.layout().clone(),
        };
        let _rewrap = AbortOnDropHandle::new(tokio::spawn(rewrap.run()));
        let _upkeep = AbortOnDropHandle::new(tokio::spawn(upkeep(commands, feed)));
        let mut routes = Routes::builder();
        let keystore = Arc::new(keystore);
        routes.add_service(KeystoreServiceServer::from_arc(keystore.clone()));
        routes.add_service(
            CertificateServiceServer::from_arc(keystore.clone())
                .max_decoding_message_size(LARGEST_IMPORT),
        );
        routes.add_service(ServingServiceServer::from_arc(keystore));
        routes.add_service(IdentityServiceServer::new(identities));
        let served = runtime.serve(routes.routes()).await;
        served.map_err(RunError::Serve)
    };
    let mut serve = pin!(serve);
    tokio::select! {
        // It ends well only because the service is to stop: calls that run are let finish.
        followed = follow => {
            followed.map_err(RunError::Follow)?;
            serve.await
        }
        served = &mut serve => served,
    }
}

/// What must hold before the first call: no orphans of the last crash, and a certificate to serve.
async fn prepare(commands: &Commands, feed: &Feed) -> Result<(), RunError> {
    // It has the tables caught up first.
    commands.sweep().await.map_err(RunError::Prepare)?;
    factory::ensure(commands, feed, &host_name())
        .await
        .map_err(RunError::Factory)?;
    Ok(())
}

/// The same, now and then. What fails is tried again the next time.
async fn upkeep(commands: Commands, feed: Feed) {
    loop {
        commands.clock.sleep(UPKEEP).await;
        if let Err(error) = prepare(&commands, &feed).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the keystore's upkeep failed"
            );
        }
    }
}

/// A core dump would hold keys in the clear.
fn forbid_core_dumps() -> Result<(), RunError> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).map_err(|errno| RunError::CoreDumps(errno.into()))?;
    // A dump that the system pipes to a program knows no limit; nor may others of this user look in.
    #[cfg(target_os = "linux")]
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|errno| RunError::CoreDumps(errno.into()))?;
    Ok(())
}

fn host_name() -> String {
    uname().nodename().to_string_lossy().into_owned()
}

/// 10 MiB of files, and what stands around them.
const LARGEST_IMPORT: usize = 11 << 20;

const UPKEEP: Duration = Duration::from_secs(3_600);

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn a_crash_writes_no_memory_to_a_file_or_a_program() {
        forbid_core_dumps().unwrap();
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
