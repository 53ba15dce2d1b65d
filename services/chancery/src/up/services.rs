//! The six services in one process: started together, stopped in order, and all when one fails.

use std::{collections::HashMap, net::TcpListener, time::Duration};

use gateway::Listeners;
use runtime::{
    Clock, Monitor, Runtime, Shared, StartError,
    config::{ConfigError, Peers, Settings},
};
use tokio::{
    task::{AbortHandle, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::ports::{self, PortsError};
use crate::cli::ServiceName;

/// Why a service ended, or did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Its table of the configuration is not right.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What it starts with is not there.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There is no port for it.
    #[error(transparent)]
    Port(#[from] PortsError),
    /// It ended with an error.
    #[error("keystore has ended")]
    Keystore(#[source] Box<keystore::RunError>),
    /// It ended with an error.
    #[error("csr-service has ended")]
    CsrService(#[source] Box<csr_service::RunError>),
    /// It ended with an error.
    #[error("acme-agent has ended")]
    AcmeAgent(#[source] Box<acme_agent::RunError>),
    /// It ended with an error.
    #[error("notifier has ended")]
    Notifier(#[source] Box<notifier::RunError>),
    /// It ended with an error.
    #[error("projection has ended")]
    Projection(#[source] Box<projection::RunError>),
    /// It ended with an error.
    #[error("gateway has ended")]
    Gateway(#[source] Box<gateway::RunError>),
    /// It ended although nobody stopped it, or panicked.
    #[error("{service} has ended by itself")]
    Unasked {
        /// Which one.
        service: &'static str,
    },
}

/// Runs one service until its runtime is stopping.
pub async fn run(
    name: ServiceName,
    settings: &Settings,
    edge: Option<Listeners>,
    runtime: Runtime,
) -> Result<(), ServiceError> {
    match name {
        ServiceName::Keystore => {
            let config = settings.table("keystore")?;
            let ended = keystore::run(config, runtime).await;
            ended.map_err(|error| ServiceError::Keystore(Box::new(error)))
        }
        ServiceName::CsrService => {
            let config = settings.table("csr_service")?;
            let ended = csr_service::run(config, runtime).await;
            ended.map_err(|error| ServiceError::CsrService(Box::new(error)))
        }
        ServiceName::AcmeAgent => {
            let config = settings.table("acme_agent")?;
            let ended = acme_agent::run(config, runtime).await;
            ended.map_err(|error| ServiceError::AcmeAgent(Box::new(error)))
        }
        ServiceName::Notifier => {
            let config = settings.table("notifier")?;
            let ended = notifier::run(config, runtime).await;
            ended.map_err(|error| ServiceError::Notifier(Box::new(error)))
        }
        ServiceName::Projection => {
            let config = settings.table("projection")?;
            let ended = projection::run(config, runtime).await;
            ended.map_err(|error| ServiceError::Projection(Box::new(error)))
        }
        ServiceName::Gateway => {
            let config = settings.table("gateway")?;
            let ended = gateway::run(config, edge, runtime).await;
            ended.map_err(|error| ServiceError::Gateway(Box::new(error)))
        }
    }
}

/// All six, running.
#[derive(Debug)]
pub struct Services {
    /// Where their internal gRPC is.
    pub peers: Peers,
    tasks: JoinSet<(ServiceName, Result<(), ServiceError>)>,
    running: HashMap<ServiceName, (CancellationToken, AbortHandle)>,
}

impl Services {
    /// Starts them at once: each waits by itself for what it needs of the others.
    pub fn start(
        settings: &Settings,
        shared: &Shared,
        edge: Listeners,
        clock: &Clock,
        monitor: &Monitor,
    ) -> Result<Self, ServiceError> {
        // Step 1: every socket is bound and in the configuration before anyone connects to it.
        let mut shared = shared.clone();
        let mut listeners = HashMap::new();
        for (name, address) in [
            (ServiceName::Keystore, &mut shared.peers.keystore),
            (ServiceName::CsrService, &mut shared.peers.csr_service),
            (ServiceName::AcmeAgent, &mut shared.peers.acme_agent),
            (ServiceName::Notifier, &mut shared.peers.notifier),
            (ServiceName::Projection, &mut shared.peers.projection),
        ] {
            let listener = ports::internal()?;
            *address = listener
                .local_addr()
                .map_err(PortsError::Socket)?
                .to_string();
            listeners.insert(name, listener);
        }
        // Step 2: all at once.
        let mut services = Self {
            peers: shared.peers.clone(),
            tasks: JoinSet::new(),
            running: HashMap::new(),
        };
        let mut edge = Some(edge);
        for name in ServiceName::ALL {
            let edge = if name == ServiceName::Gateway {
                edge.take()
            } else {
                None
            };
            let listener = listeners.remove(&name);
            let runtime = services.spawn(name, settings, shared.clone(), edge, listener, clock)?;
            monitor.watch(&runtime);
        }
        Ok(services)
    }

    fn spawn(
        &mut self,
        name: ServiceName,
        settings: &Settings,
        shared: Shared,
        edge: Option<Listeners>,
        listener: Option<TcpListener>,
        clock: &Clock,
    ) -> Result<Runtime, ServiceError> {
        let stopping = CancellationToken::new();
        let runtime = Runtime::start(
            name.as_str(),
            shared,
            clock.clone(),
            stopping.clone(),
            listener,
        )?;
        let (settings, running) = (settings.clone(), runtime.clone());
        let task = async move { (name, run(name, &settings, edge, running).await) };
        let handle = self.tasks.spawn(task);
        self.running.insert(name, (stopping, handle));
        Ok(runtime)
    }

    /// Waits for the first one to end: while all is well it does not return.
    pub async fn ended(&mut self) -> ServiceError {
        match self.tasks.join_next().await {
            Some(Ok((name, outcome))) => {
                self.running.remove(&name);
                let service = name.as_str();
                outcome.err().unwrap_or(ServiceError::Unasked { service })
            }
            // A panic: its message is on stderr already.
            Some(Err(panic)) => {
                let mut running = self.running.iter();
                let ended = running.find(|(_, (_, handle))| handle.id() == panic.id());
                ServiceError::Unasked {
                    service: ended.map_or("a service", |(name, _)| name.as_str()),
                }
            }
            None => std::future::pending().await,
        }
    }

    /// Stops them, the door first and the keys last, so that each can still finish what it took in.
    pub async fn stop(mut self) {
        for name in [
            ServiceName::Gateway,
            ServiceName::CsrService,
            ServiceName::AcmeAgent,
            ServiceName::Notifier,
            ServiceName::Projection,
            ServiceName::Keystore,
        ] {
            let Some((stopping, handle)) = self.running.remove(&name) else {
                continue;
            };
            stopping.cancel();
            let drained = timeout(DRAIN, async {
                while !handle.is_finished() {
                    match self.tasks.join_next().await {
                        Some(Ok((other, Err(error)))) => {
                            tracing::error!(service = other.as_str(), error = %error, "ended with an error while stopping");
                        }
                        Some(_) => {}
                        None => return,
                    }
                }
            });
            if drained.await.is_err() {
                tracing::warn!(service = name.as_str(), "does not stop, leaving it");
                handle.abort();
            }
        }
    }
}

/// How long a service may take to finish what it took in.
const DRAIN: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{nats::fixture::server, up::provisioning};

    #[tokio::test]
    async fn a_keystore_that_is_stopped_before_it_is_ready_ends() {
        let server = server().await;
        let (provisioner, _) = server.connect("provisioner").await;
        provisioning::provision(&provisioner, 1).await.unwrap();
        let data_dir = server.layout.data_dir();
        let settings = Settings::read(None, Some(data_dir)).unwrap();
        // The second time, there may be events that its table does not have yet.
        for _ in 0..2 {
            let stopping = CancellationToken::new();
            stopping.cancel();
            let runtime = Runtime::start(
                "keystore",
                server.shared.clone(),
                Clock::system(),
                stopping,
                Some(ports::internal().unwrap()),
            );
            let ended = run(ServiceName::Keystore, &settings, None, runtime.unwrap());
            let ended = timeout(Duration::from_secs(20), ended).await;
            ended.expect("it ends").unwrap();
        }
        server.child.stop().await;
    }
}
