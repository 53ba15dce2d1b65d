//! The edge: the only door from outside.
//!
//! On the https port a connection takes its certificate from [`tls`], which [`serving`] keeps as the
//! keystore says. A gRPC call then goes [`https`] (or [`grpc_web`]) → [`forward`] (may this caller, whom
//! [`bearers`] know, call that [`method`]?) → the service that owns the method, with an actor that the gateway
//! alone sets ([`call`]); [`relay`] passes the bodies on. What the gateway answers itself is [`grpc`], and
//! [`web`] what a browser finds.
//! A command on people, tokens and sessions walks [`grpc`] → [`commands`] → [`directory::decide`],
//! [`api_token::decide`] or [`session::decide`] → `eventlog`; the [`rows`] follow from the event ([`follow`]), and
//! [`people`] puts all of that together.
//! On the http port, [`http`] answers ACME challenges from [`challenges`] and redirects the rest
//! ([`redirect`]); those that come to the https port are answered by [`tls_alpn_01`]. [`connections`] and [`places`] bound what strangers can take up on both.
//! What goes on there is counted in [`mod@metrics`].

use std::sync::Arc;

use api::options::v1::Role;
use runtime::{ChannelError, DatabaseError, Runtime};
use tracing::info;

pub use crate::rows::migrations;
pub use crate::{
    commands::{MachineError, MachineLink, reset_admin},
    config::Config,
    listeners::{BindError, Listeners},
    metrics::METRICS,
    reflection::ReflectionError,
    tls::Policy,
};

mod api_token;
mod backoff;
mod bearers;
mod call;
mod challenges;
mod code;
// Pages use what nobody here does.
#[allow(dead_code, unused_imports)]
mod commands;
mod config;
mod connections;
#[allow(dead_code)]
mod directory;
mod events;
#[cfg(test)]
mod fixture;
mod follow;
mod forward;
mod grpc;
mod grpc_web;
mod http;
mod https;
mod instant;
mod listeners;
mod method;
mod metrics;
mod parse;
mod password;
mod people;
mod places;
mod plain;
mod principal;
mod rate;
mod redirect;
mod reflection;
mod refusal;
mod relay;
mod rows;
mod second_factor;
mod serving;
mod session;
pub mod set_up;
mod sign_in;
pub mod tls;
mod tls_alpn_01;
pub mod tokens;
mod user_code;
mod web;

/// Why the gateway cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A port is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A bound socket cannot be used.
    #[error("cannot use the bound sockets")]
    Listen(#[source] std::io::Error),
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The own database.
    #[error("cannot open the database")]
    Database(#[source] DatabaseError),
    /// The contracts cannot be shown.
    #[error("cannot describe the API")]
    Reflection(#[source] ReflectionError),
    /// A service is not configured.
    #[error("cannot make a channel to the services")]
    Channel(#[source] ChannelError),
}

/// Serves the edge until the runtime is stopping, then finishes what is under way.
///
/// `listeners` are sockets that are bound already; without them the configured addresses are bound.
/// Neither the services nor NATS need to be up: https waits for the keystore's first certificates, and what
/// was served once is served on while the keystore is away.
///
/// # Errors
/// [`RunError`], all before the first connection.
pub async fn run(
    config: Config,
    listeners: Option<Listeners>,
    runtime: Runtime,
) -> Result<(), RunError> {
    let listeners = listeners.map_or_else(|| Listeners::bind(&config), Ok)?;
    let (https, http) = listeners.into_async().map_err(RunError::Listen)?;
    let https_address = https.local_addr().map_err(RunError::Listen)?;
    let http_address = http.local_addr().map_err(RunError::Listen)?;
    let stopping = runtime.stopping();

    let index = Arc::new(tls::ServingIndex::new(runtime.clock().clone()));
    let edge = tls::Edge::new(config.tls, index.clone()).map_err(RunError::Tls)?;
    metrics::collect(&runtime, index.clone());
    let keystore = runtime.channel("keystore").map_err(RunError::Channel)?;
    let token_file = config.bootstrap_token_sha256_file.clone();
    let token_file = token_file.unwrap_or_else(|| tokens::digest_file(runtime.layout()));
    let people = people::People::open(&runtime, &config).await;
    let people = people.map_err(RunError::Database)?;
    let bootstrap = tokens::Bootstrap::in_file(token_file.clone(), Role::Admin);
    let bearers = bearers::Bearers::new(bootstrap, people.commands.clone());
    let own = grpc::routes(&people.commands, stopping.clone()).map_err(RunError::Reflection)?;
    let forwarder =
        forward::Forwarder::new(&runtime, bearers.clone(), own, config.max_request_bytes)
            .map_err(RunError::Channel)?;
    let public_port = config.public_https_port.unwrap_or(https_address.port());
    let site = web::Site::new(
        people.commands.clone(),
        people.refusals.clone(),
        keystore.clone(),
        forwarder.clone(),
        web::Hub::new(stopping.clone()),
        web::Facts {
            https: https_address.port(),
            http: http_address.port(),
            public_https: public_port,
            policy: config.tls,
        },
    );
    let projection = runtime.channel("projection").map_err(RunError::Channel)?;
    let rows = people.commands.progress.clone();
    let until_set_up = vec![set_up::digest_file(runtime.layout()), token_file];
    let challenges = Arc::new(challenges::Challenges::new());

    let ready = async {
        info!(http = %http_address, "answering challenges");
        info!(https = %https_address, "waiting for the keystore's certificates");
        index.filled().await;
        // Certificates are served, and challenges answered, while the log is away.
        runtime.answers();
        info!(https = %https_address, http = %http_address, "ready");
    };
    let work = async {
        tokio::join!(
            serving::follow(keystore, &index, &stopping),
            challenges.follow(|| runtime.nats(), &stopping),
            bearers.keep_uses(&stopping),
            people.work(|| runtime.log(), until_set_up, stopping.clone()),
            site.chores(projection, &rows, &stopping),
            stopping.run_until_cancelled(ready),
            https::serve(
                https,
                Arc::new(edge),
                challenges.clone(),
                https::Doors {
                    forwarder,
                    site: site.clone(),
                },
                &config,
                &stopping
            ),
            http::serve(http, challenges.clone(), public_port, &config, &stopping),
        )
    };
    work.await;
    info!("stopped");
    Ok(())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod trials;
