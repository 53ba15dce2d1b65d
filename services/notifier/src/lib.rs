//! E-mail and webhooks about what happened, and about what should have happened and did not.
//!
//! A command walks [`grpc`] → [`parse`] → [`commands`] → [`channel::decide`] → `eventlog` → reply; where a
//! channel's messages go stands in [`settings`], and its secrets in the [`keystore`]. By itself the service
//! keeps [`watch`] over certificates and automations, and raises each [`alert`] in the log before
//! anybody is told of it. What a channel is then owed, of alerts by its [`rule`] and of what happened once ([`notice`]),
//! [`dispatch`] makes into messages of [`item`]s, day by day ([`calendar`]): [`letter`] words them, and [`deliver`] sends them.
//!
//! What became of messages, and which alerts are up, is counted in [`mod@metrics`].
//! No other service waits for this one: a message that cannot be sent keeps no renewal from its work.

mod alert;
mod calendar;
mod channel;
mod commands;
mod config;
mod deliver;
mod dispatch;
mod events;
mod grpc;
mod instant;
mod item;
mod keystore;
mod letter;
mod metrics;
mod notice;
mod origin;
mod parse;
mod refusal;
mod roster;
mod rule;
mod settings;
mod watch;

#[cfg(test)]
mod trials;

pub use config::Config;
pub use metrics::METRICS;

use std::sync::Arc;

use api::notifier::v1::notifier_service_server::NotifierServiceServer;
use eventlog::{EventLog, FollowError, Follower, LogError, subject};
use runtime::{Clock, Egress, Runtime};
use sea_orm::DatabaseConnection;
use sea_orm_migration::MigrationTrait;
use tokio::sync::watch as changes;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use calendar::Calendar;
use commands::Commands;
use deliver::Deliverer;
use dispatch::{Dispatch, desk::Desk, owed::Manners};
use keystore::Keystore;
use watch::{follow::Rows, worker::Worker};

/// Runs the service until the runtime says to stop; what it owes to channels is sent at the next start.
///
/// # Errors
/// What it could not start with, or go on without.
pub async fn run(config: Config, runtime: Runtime) -> Result<(), RunError> {
    let log = runtime.log().await.map_err(RunError::Log)?;
    let database = runtime.database(migrations()).await;
    let channel = runtime.channel("keystore").map_err(RunError::Keystore)?;
    let office = Office {
        log,
        database: database.map_err(RunError::Database)?,
        keystore: Keystore::new(channel),
        egress: runtime.egress().clone(),
        clock: runtime.clock().clone(),
        manners: Manners {
            gather: config.gather_seconds.duration(),
            calendar: Calendar::new(config.time_zone, config.daily_at),
        },
        changed: changes::Sender::new(0),
    };
    runtime.collect(metrics::Standing {
        service: runtime.service(),
        database: office.database.clone(),
        clock: office.clock.clone(),
    });
    let routes = Routes::new(NotifierServiceServer::new(grpc::Notifier {
        commands: office.commands(),
    }));
    tokio::try_join!(
        async { runtime.serve(routes).await.map_err(RunError::Serve) },
        office.work(runtime.stopping()),
    )?;
    Ok(())
}

/// What the service works with.
#[derive(Clone)]
struct Office {
    log: EventLog,
    database: DatabaseConnection,
    keystore: Keystore,
    egress: Egress,
    clock: Clock,
    manners: Manners,
    changed: changes::Sender<u64>,
}

impl Office {
    fn commands(&self) -> Commands {
        Commands {
            log: self.log.clone(),
            database: self.database.clone(),
            keystore: self.keystore.clone(),
            deliverer: self.deliverer(),
            manners: self.manners.clone(),
            clock: self.clock.clone(),
            changed: self.changed.clone(),
        }
    }

    fn deliverer(&self) -> Deliverer {
        Deliverer {
            egress: self.egress.clone(),
            keystore: self.keystore.clone(),
            database: self.database.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Follows the log, watches, and tells, until `stopping`.
    async fn work(&self, stopping: CancellationToken) -> Result<(), RunError> {
        let rows = Rows::new(self.clock.clone(), self.changed.clone());
        let progress = rows.progress();
        let follower = Follower {
            name: Rows::FOLLOWER.to_owned(),
            subjects: Rows::KINDS.map(subject::of_kind).to_vec(),
            log: self.log.clone(),
            database: self.database.clone(),
        };
        let worker = Worker {
            log: self.log.clone(),
            database: self.database.clone(),
            clock: self.clock.clone(),
            changed: self.changed.subscribe(),
        };
        let dispatch = Dispatch {
            desk: Arc::new(Desk {
                log: self.log.clone(),
                database: self.database.clone(),
                deliverer: self.deliverer(),
                manners: self.manners.clone(),
                clock: self.clock.clone(),
                holder: self.clock.new_id(),
                marked: self.changed.clone(),
            }),
            changed: self.changed.subscribe(),
        };
        let followed = async {
            let followed = follower.run(rows, stopping.clone()).await;
            followed.map_err(RunError::Follow)
        };
        let told = async {
            if self.caught_up(progress, &stopping).await? {
                tokio::join!(worker.run(stopping.clone()), dispatch.run(stopping.clone()));
            }
            Ok(())
        };
        tokio::try_join!(followed, told)?;
        Ok(())
    }

    /// Waits until the rows have all that the log has now: who looked earlier would raise what is long over.
    /// `false`: it is to stop.
    async fn caught_up(
        &self,
        mut progress: changes::Receiver<u64>,
        stopping: &CancellationToken,
    ) -> Result<bool, RunError> {
        let last = self.log.last_sequence().await.map_err(RunError::End)?;
        let reached = progress.wait_for(|at| *at >= last);
        // Where the follower ends before that, it says why.
        let reached = stopping.run_until_cancelled(reached).await;
        Ok(reached.is_some_and(|reached| reached.is_ok()))
    }
}

/// All migrations of its database, oldest first.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(watch::certificate::row::Migration),
        Box::new(watch::key::Migration),
        Box::new(watch::automation::row::Migration),
        Box::new(watch::trouble::Migration),
        Box::new(watch::deadline::Migration),
        Box::new(roster::Migration),
        Box::new(alert::row::Migration),
        Box::new(notice::Migration),
        Box::new(dispatch::outbox::Migration),
        Box::new(dispatch::turn::Migration),
        Box::new(settings::row::Migration),
        Box::new(watch::tables::Migration),
        Box::new(watch::log::Migration),
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
    /// The end of the event log.
    #[error("cannot see where the event log ends")]
    End(#[source] LogError),
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
