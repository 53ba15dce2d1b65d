//! The connection to NATS: TLS, and the service's own nkey.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_nats::{Auth, AuthError, Client, ConnectOptions, Event, ServerAddr};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{Layout, config, identity::IdentityStore};

/// Connects as `service`.
pub(crate) async fn connect(
    service: &'static str,
    nats: &config::Nats,
    layout: &Layout,
    identity: &IdentityStore,
) -> Result<Client, NatsError> {
    let servers: Vec<ServerAddr> = nats
        .url
        .split(',')
        .map(|url| url.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|source| NatsError::Address {
            url: nats.url.clone(),
            source,
        })?;
    let seed = layout.nkey(service);
    let tls = identity.client_config_for("nats").map_err(NatsError::Tls)?;
    let told = Told::default();
    // Read now too, so that a missing file is named at start and not as a refused sign-in.
    read_seed(&seed)?;
    ConnectOptions::with_auth_callback(move |nonce| {
        let seed = seed.clone();
        async move { sign_in(&seed, &nonce).map_err(AuthError::new) }
    })
    .name(service)
    .custom_inbox_prefix(format!("_INBOX.{service}"))
    .require_tls(true)
    .tls_client_config(tls)
    .connection_timeout(CONNECT_TIMEOUT)
    .ping_interval(PING)
    .event_callback(move |event| {
        told.tell(service, &event);
        async {}
    })
    .connect(servers)
    .await
    .map_err(|source| NatsError::Connect {
        url: nats.url.clone(),
        source,
    })
}

/// There is no connection to NATS.
#[derive(Debug, Error)]
pub enum NatsError {
    /// The address is not one.
    #[error("{url:?} is not the address of a NATS server: write it like \"tls://127.0.0.1:7422\"")]
    Address {
        /// What was configured.
        url: String,
        /// Why it is no address.
        #[source]
        source: io::Error,
    },
    /// The seed of the service's nkey cannot be read.
    #[error("cannot read the NATS seed at {path}")]
    Seed {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file holds no seed.
    #[error("what is in {path} is not a NATS seed")]
    NotASeed {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: nkeys::error::Error,
    },
    /// The nkey did not sign.
    #[error("cannot sign in to NATS")]
    Sign(#[source] nkeys::error::Error),
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The server cannot be reached, is not who it must be, or refused us.
    #[error("cannot connect to NATS at {url}")]
    Connect {
        /// What was configured.
        url: String,
        /// Why.
        #[source]
        source: async_nats::ConnectError,
    },
}

/// Signs the server's nonce. The seed is read at each connect, so that a new one is taken without a restart.
fn sign_in(seed: &PathBuf, nonce: &[u8]) -> Result<Auth, NatsError> {
    let key = read_seed(seed)?;
    let mut auth = Auth::new();
    auth.nkey = Some(key.public_key());
    auth.signature = Some(key.sign(nonce).map_err(NatsError::Sign)?);
    Ok(auth)
}

fn read_seed(path: &PathBuf) -> Result<nkeys::KeyPair, NatsError> {
    let seed = fs::read_to_string(path).map(Zeroizing::new);
    let seed = seed.map_err(|source| NatsError::Seed {
        path: path.clone(),
        source,
    })?;
    nkeys::KeyPair::from_seed(seed.trim()).map_err(|source| NatsError::NotASeed {
        path: path.clone(),
        source,
    })
}

/// The last trouble that was told: while a server is away each attempt meets the same again.
#[derive(Default)]
struct Told(Mutex<String>);

impl Told {
    fn tell(&self, service: &'static str, event: &Event) {
        match event {
            Event::Connected => tracing::info!(service, "connected to nats"),
            Event::Disconnected => tracing::warn!(service, "lost the connection to nats"),
            // We closed it: the service has stopped.
            Event::Closed => tracing::debug!(service, "closed the connection to nats"),
            trouble if self.is_new(trouble) => {
                tracing::warn!(service, event = %trouble, "nats");
                return;
            }
            trouble => {
                tracing::debug!(service, event = %trouble, "nats");
                return;
            }
        }
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn is_new(&self, trouble: &Event) -> bool {
        let trouble = trouble.to_string();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = *last != trouble;
        *last = trouble;
        new
    }
}

/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that answers nothing is found dead after two of these.
const PING: Duration = Duration::from_secs(10);
