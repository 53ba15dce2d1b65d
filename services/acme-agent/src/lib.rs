//! ACME servers (RFC 8555), and the certificates that they issue and renew for us.
//!
//! A command walks [`grpc`] → [`registration`] or [`requests`] → `decide` of [`server`],
//! [`automation`] or [`dns_provider`] → `eventlog` → reply. What a person asked for is then worked off: a follower of the
//! log keeps the [`outbox`], the [`worker`] takes orders out of it, and [`order`] brings each from the
//! intent to the certificate in the [`keystore`], with the account that [`accounts`] holds ready, the
//! protocol that [`client`] speaks, and the answers that [`challenge`] puts in place: for gateways, or in the
//! [`dns`] by one of the [`providers`]. What goes wrong
//! becomes a sentence that a person can act on in [`failure`], and a refusal a status in [`refusal`].
//! A certificate that is to be revoked is brought to its CA by [`revocation`]. What a CA lets us have is in [`budget`].
//! What is due begins by itself in [`schedule`], when [`policy`] says. [`mod@metrics`] counts orders and what waits.

mod accounts;
mod automation;
mod budget;
mod certificate;
mod challenge;
mod changes;
mod claims;
mod client;
mod config;
mod contacts;
mod dns;
mod dns_provider;
mod events;
mod failure;
mod grpc;
mod keystore;
#[doc(hidden)]
pub mod measured;
mod metrics;
mod names;
mod order;
mod outbox;
mod owed;
mod patience;
mod policy;
mod preflight;
mod presets;
mod providers;
mod refusal;
mod registration;
mod release;
mod requests;
mod revocation;
mod schedule;
mod server;
mod server_uses;
mod together;
mod under_way;
mod upkeep;
mod within;
mod worker;

#[cfg(test)]
mod memory;

pub use config::Config;
pub use metrics::METRICS;

use std::{pin::Pin, sync::Arc};

use api::acme::v1::{
    acme_service_server::AcmeServiceServer, dns_provider_service_server::DnsProviderServiceServer,
    server_service_server::ServerServiceServer,
};
use async_nats::jetstream::context::KeyValueError;
use eventlog::{FollowError, Follower, subject};
use runtime::Runtime;
use sea_orm_migration::MigrationTrait;
use tokio::sync::Notify;
use tonic::service::Routes;

use accounts::Accounts;
use automation::Automation;
use budget::Budget;
use challenge::{Proofs, bucket::Answers, dns01::Dns01, records};
use dns::Resolver;
use keystore::Keystore;
use order::Orders;
use outbox::Outbox;
use preflight::{Lookup, Preflight};
use providers::{Openers, admin::Admin, uses};
use registration::Registrar;
use release::Releaser;
use requests::Requests;
use revocation::Revoker;
use schedule::{Timer, agendas::Agendas, asking::Asker, sanity::Sanity};
use server_uses::Uses;
use together::Together;
use under_way::UnderWay;
use upkeep::Upkeep;
use worker::Worker;

/// Runs the service until the runtime says to stop; orders that are under way go on at the next start.
///
/// # Errors
/// What it could not start with, or go on without.
pub async fn run(config: Config, runtime: Runtime) -> Result<(), RunError> {
    let log = runtime.log().await.map_err(RunError::Log)?;
    let nats = runtime.nats().await.map_err(RunError::Nats)?;
    let database = runtime.database(migrations()).await;
    let database = database.map_err(RunError::Database)?;
    runtime.collect(metrics::Waiting {
        service: runtime.service(),
        database: database.clone(),
    });
    let channel = runtime.channel("keystore").map_err(RunError::Keystore)?;
    let keystore = Keystore::new(channel);
    let answers = Answers::open(nats).await.map_err(RunError::Answers)?;
    let (egress, clock) = (runtime.egress().clone(), runtime.clock().clone());
    let accounts = Accounts::new(egress, clock.clone(), keystore.clone(), database.clone());
    let accounts = Arc::new(accounts);

    let upkeep = Arc::new(Upkeep {
        log: log.clone(),
        database: database.clone(),
        accounts: accounts.clone(),
        clock: clock.clone(),
        under_way: UnderWay::default(),
    });
    let servers = grpc::Servers {
        upkeep: upkeep.clone(),
        registrar: Arc::new(Registrar::new(
            log.clone(),
            database.clone(),
            accounts.clone(),
            clock.clone(),
        )),
    };
    let requests = Arc::new(Requests {
        log: log.clone(),
        database: database.clone(),
        clock: clock.clone(),
    });
    let budget = Budget::new(database.clone(), clock.clone(), config.limits.clone());
    let (resolvers, port) = (&config.resolvers, config.name_server_port);
    let resolver = Resolver::new(resolvers, port, runtime.egress().clone());
    let preflight = Preflight {
        requests: requests.clone(),
        accounts: accounts.clone(),
        answers: answers.clone(),
        lookup: Lookup(resolver.clone()),
        budget: budget.clone(),
        egress: runtime.egress().clone(),
        clock: clock.clone(),
        http_port: config.http_port.get(),
        tls_port: config.tls_port.get(),
    };
    let openers = Openers {
        log: log.clone(),
        keystore: keystore.clone(),
        egress: runtime.egress().clone(),
        clock: clock.clone(),
    };
    let released = Arc::new(Notify::new());
    let dns01 = Arc::new(Dns01 {
        resolver,
        providers: openers.clone(),
        database: database.clone(),
        clock: clock.clone(),
        released: released.clone(),
    });
    let sweeper = records::Sweeper {
        database: database.clone(),
        dns01: dns01.clone(),
        clock: clock.clone(),
        released,
    };
    let dns_providers = grpc::DnsProviders {
        admin: Arc::new(Admin {
            log: log.clone(),
            database: database.clone(),
            openers,
            dns01: dns01.clone(),
            clock: clock.clone(),
        }),
    };
    let proofs = Proofs { answers, dns01 };
    let acme = grpc::Acme {
        requests,
        preflight: Arc::new(preflight),
    };
    let changed = [(); 5].map(|()| Arc::new(Notify::new()));
    let [
        orders_changed,
        schedule_changed,
        questions_changed,
        revocations_changed,
        releases_changed,
    ] = changed;
    let follower = Follower {
        name: Outbox::FOLLOWER.to_owned(),
        subjects: vec![subject::of_kind(<Automation as eventlog::Aggregate>::NAME)],
        log: log.clone(),
        database: database.clone(),
    };
    let rows = Together(vec![
        Box::new(Outbox::new(orders_changed.clone())),
        Box::new(Agendas::new(vec![
            schedule_changed.clone(),
            questions_changed.clone(),
        ])),
        Box::new(Uses),
        Box::new(owed::Owing::new(vec![
            revocations_changed.clone(),
            releases_changed.clone(),
        ])),
    ]);
    let timer = Timer {
        log: log.clone(),
        database: database.clone(),
        clock: clock.clone(),
        sanity: Sanity::new(log.clone(), accounts.clone()),
        service: runtime.service(),
        at_a_time: config.orders.get(),
        changed: schedule_changed.clone(),
    };
    let asker = Asker {
        log: log.clone(),
        database: database.clone(),
        clock: clock.clone(),
        accounts: accounts.clone(),
        service: runtime.service(),
        changed: questions_changed,
    };
    let revoker = Revoker {
        log: log.clone(),
        database: database.clone(),
        clock: clock.clone(),
        accounts: accounts.clone(),
        keystore: keystore.clone(),
        service: runtime.service(),
        changed: revocations_changed,
    };
    let releaser = Releaser {
        log: log.clone(),
        database: database.clone(),
        clock: clock.clone(),
        keystore: keystore.clone(),
        service: runtime.service(),
        changed: releases_changed,
    };
    let worker = Worker {
        at_a_time: config.orders.get(),
        orders: Arc::new(Orders::new(
            &runtime, config, log, keystore, accounts, proofs, budget,
        )),
        database,
        clock,
        changed: orders_changed,
        put_off: schedule_changed,
    };
    let routes = Routes::new(AcmeServiceServer::new(acme))
        .add_service(ServerServiceServer::new(servers))
        .add_service(DnsProviderServiceServer::new(dns_providers));
    let stopping = runtime.stopping();
    let tended = {
        let stopping = stopping.clone();
        async move { upkeep.tend(stopping).await }
    };
    tokio::try_join!(
        async { runtime.serve(routes).await.map_err(RunError::Serve) },
        async {
            let followed = follower.run(rows, stopping.clone()).await;
            followed.map_err(RunError::Follow)
        },
        beside(tended),
        beside(worker.run(stopping.clone())),
        beside(sweeper.run(stopping.clone())),
        beside(timer.run(stopping.clone())),
        beside(asker.run(stopping.clone())),
        beside(revoker.run(stopping.clone())),
        beside(releaser.run(stopping.clone())),
    )?;
    Ok(())
}

/// What goes on beside the door until the service stops. Each is a type of its own to the compiler, which
/// could not see through all of them at once that [`run`] may be spawned.
fn beside(
    work: impl Future<Output = ()> + Send + 'static,
) -> Pin<Box<dyn Future<Output = Result<(), RunError>> + Send>> {
    Box::pin(async move {
        work.await;
        Ok(())
    })
}

/// The tables of this service.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(names::Migration),
        Box::new(contacts::Migration),
        Box::new(outbox::Migration),
        Box::new(uses::Migration),
        Box::new(records::Migration),
        Box::new(outbox::DueMigration),
        Box::new(budget::Migration),
        Box::new(changes::Migration),
        Box::new(server_uses::Migration),
        eventlog::checkpoint::migration(),
        eventlog::request_ledger::migration(),
        Box::new(schedule::agendas::Migration),
        Box::new(schedule::agendas::PositionMigration),
        Box::new(owed::Migration),
    ]
}

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The event log.
    #[error("cannot open the event log")]
    Log(#[source] runtime::LogOpenError),
    /// The connection to NATS.
    #[error("cannot connect to nats")]
    Nats(#[source] runtime::NatsError),
    /// The bucket of challenges.
    #[error("cannot open the bucket of challenges; `chancery init` makes it")]
    Answers(#[source] KeyValueError),
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

/// `chancery up` spawns it: where it cannot, this does not compile.
#[cfg(test)]
fn _can_be_spawned(config: Config, runtime: Runtime) -> impl Send {
    run(config, runtime)
}
