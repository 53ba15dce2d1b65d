//! The nats-server child: where it listens, its configuration, ready when the provisioner can sign in.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use runtime::{Clock, Layout, Runtime, Shared};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::child::{ChildError, Program, Supervised};
use super::provisioning::{self, ProvisioningError};
use crate::{init, nats::servers};

/// Why there is no event log.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// The configuration names a server elsewhere.
    #[error(
        "[nats] url is {url}: `chancery up` starts a nats-server of its own on a loopback address; to use another one, run each service with `chancery service`"
    )]
    Elsewhere {
        /// What is configured.
        url: String,
    },
    /// The configured port cannot be had.
    #[error(
        "the event log's server cannot listen on {address}: set another url in the [nats] table of chancery.toml"
    )]
    Port {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Its configuration cannot be written.
    #[error(transparent)]
    Conf(#[from] init::InitError),
    /// It does not run.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// Stream and buckets cannot be made.
    #[error(transparent)]
    Provisioning(#[from] ProvisioningError),
}

/// The child to be.
pub fn program(path: PathBuf, layout: &Layout) -> Program {
    let folder = folder(layout);
    Program {
        name: "nats-server",
        path,
        arguments: vec!["-c".into(), layout.nats_config().display().to_string()],
        environment: Vec::new(),
        lock: folder.join("lock"),
        output: folder.join("nats.log"),
    }
}

/// Where it is to listen: the configured port; a free one where nothing is configured and the default is taken.
///
/// It is chosen by binding it for a moment: a child that cannot have it then says so. What an earlier run
/// left there is ended first.
pub async fn address(shared: &Shared, program: &Program) -> Result<SocketAddr, NatsError> {
    Supervised::end_earlier(program).await?;
    let url = &shared.nats.url;
    let elsewhere = || NatsError::Elsewhere { url: url.clone() };
    let address = servers::loopback(url).ok_or_else(elsewhere)?;
    if !address.ip().is_loopback() {
        return Err(elsewhere());
    }
    let free =
        |address: SocketAddr| TcpListener::bind(address).and_then(|listener| listener.local_addr());
    let port = |address| move |source| NatsError::Port { address, source };
    if *url == Shared::default().nats.url {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        return free(address).or_else(|_| free(any)).map_err(port(any));
    }
    free(address).map_err(port(address))
}

/// Starts it, waits until it answers, and sees to stream and buckets. Stopped meanwhile, it answers at once.
pub async fn start(
    program: Program,
    shared: &Shared,
    clock: &Clock,
    stopping: &CancellationToken,
) -> Result<Supervised, NatsError> {
    let child = Supervised::start(program).await?;
    let mut provisioned = Ok(());
    let ready = async {
        let done = stopping
            .run_until_cancelled(until_provisioned(shared, clock))
            .await;
        provisioned = done.unwrap_or(Ok(()));
    };
    // The end of our own patience comes first, because it knows the reason.
    let outcome = child.until_ready(ready, PATIENCE + POLL).await;
    let outcome = outcome
        .map_err(NatsError::from)
        .and(provisioned.map_err(NatsError::from));
    match outcome {
        Ok(()) => Ok(child),
        Err(error) => {
            child.stop().await;
            Err(error)
        }
    }
}

/// Signs in until the server takes it, and provisions.
async fn until_provisioned(shared: &Shared, clock: &Clock) -> Result<(), ProvisioningError> {
    let stopping = CancellationToken::new();
    let _stopped_at_the_end = stopping.clone().drop_guard();
    let provisioner = Runtime::start("provisioner", shared.clone(), clock.clone(), stopping, None);
    let provisioner = provisioner.map_err(ProvisioningError::Identity)?;
    let begun = Instant::now();
    let client = loop {
        match provisioner.nats().await {
            Ok(client) => break client,
            Err(error) if begun.elapsed() > PATIENCE => {
                return Err(ProvisioningError::Connect(error));
            }
            Err(error) => tracing::debug!(%error, "nats-server does not answer yet"),
        }
        tokio::time::sleep(POLL).await;
    };
    provisioning::provision(&client, 1).await
}

fn folder(layout: &Layout) -> PathBuf {
    let file = layout.nats_config();
    file.parent().map(Path::to_owned).unwrap_or_default()
}

/// How long it may take with a log that is large.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);
