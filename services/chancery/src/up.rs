//! `chancery up`: everything on one machine, in the order in which each needs the one before.
//!
//! Lock, [`init`], ports, the [`nats`] child with its stream, the [`services`], and with `--test-ca` a CA to try
//! it with; then the [`screen`]. Stopping goes the other way, and nats-server last.

pub mod addresses;
pub mod child;
mod disk;
pub mod edge;
pub mod lock;
pub mod nats;
pub mod nats_server;
pub mod ports;
pub mod provisioning;
mod rotation;
pub mod screen;
pub mod services;
mod test_ca;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::Path,
};

use runtime::{
    Clock, Layout, Monitor, MonitorError, Shared,
    config::{ConfigError, Settings},
    shutdown, telemetry,
};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use self::{
    addresses::Addresses,
    lock::{Lock, LockError},
    ports::{Ports, PortsError},
    rotation::Rotation,
    screen::Screen,
    services::{ServiceError, Services},
    test_ca::{
        TestCa, TestCaError,
        first_certificate::{self, Served},
    },
};
use crate::{
    cli::UpArgs,
    client::{ClientError, Connection, credentials::Credentials, trust::Fingerprint},
    init::{self, InitError, Prepared},
    metrics, systemd,
};

/// Why not everything runs, or why it stopped.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The configuration is not right.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another `up` has the folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The folder cannot be made ready.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The edge has no ports.
    #[error(transparent)]
    Ports(#[from] PortsError),
    /// There is no nats-server.
    #[error(transparent)]
    FindNats(#[from] nats_server::FindError),
    /// The metrics cannot be shown.
    #[error(transparent)]
    Metrics(#[from] MonitorError),
    /// The event log's server does not run.
    #[error(transparent)]
    Nats(#[from] nats::NatsError),
    /// A service does not run any more: everything was stopped.
    #[error("everything was stopped")]
    Service(#[from] ServiceError),
    /// The test CA.
    #[error(transparent)]
    TestCa(#[from] TestCaError),
    /// Our own edge does not answer us.
    #[error("cannot look at the gateway")]
    Edge(#[from] edge::HandshakeError),
    /// Nor our own API.
    #[error("cannot ask the gateway")]
    Client(#[from] Box<ClientError>),
    /// Signals cannot be listened for.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

/// Runs everything until SIGINT or SIGTERM.
pub async fn run(args: UpArgs) -> Result<(), UpError> {
    let settings = Settings::read(
        args.folder.config.as_deref(),
        args.folder.data_dir.as_deref(),
    )?;
    let shared = settings.shared()?;
    let telemetry = telemetry::init(&shared.telemetry);
    let stopping = shutdown::on_signals().map_err(UpError::Signals)?;
    let outcome = start(&args, &settings, shared, stopping).await;
    telemetry.shutdown().await;
    outcome
}

/// Steps 1 to 4: the folder, its ports and the event log.
async fn start(
    args: &UpArgs,
    settings: &Settings,
    mut shared: Shared,
    stopping: CancellationToken,
) -> Result<(), UpError> {
    let (layout, clock) = (Layout::of(&shared), Clock::system());
    // Step 1: the folder is ours alone, and complete.
    init::data_folder(&layout)?;
    let _lock = Lock::take(&layout.lock())?;
    let prepared = init::prepare(settings, &shared, clock.now())?;
    init::nkeys::rotate_if_due(&layout, clock.now())?;
    // Step 2: what may be refused is asked for before anything runs.
    let program = nats_server::find(args.nats_server.as_deref())?;
    let ports = ports::bind(&settings.table("gateway")?)?;
    let monitor = Monitor::start(shared.telemetry.metrics, &metrics::CATALOG).await?;
    if args.test_ca {
        shared.egress.allow.extend(test_ca::loopback_networks());
    }
    // Step 3: the event log.
    let program = nats::program(program, &layout);
    let listen = nats::address(&shared, &program).await?;
    shared.nats.url = format!("tls://{listen}");
    init::write_nats_conf(&layout, listen)?;
    let http = ports.http.port();
    let with_ca = async {
        match args.test_ca {
            true => TestCa::start(&layout, http, &stopping).await.map(Some),
            false => Ok(None),
        }
    };
    let (nats, test_ca) =
        match tokio::join!(nats::start(program, &shared, &clock, &stopping), with_ca) {
            (Ok(nats), Ok(test_ca)) => (nats, test_ca),
            (Ok(nats), Err(error)) => {
                nats.stop().await;
                return Err(error.into());
            }
            (Err(error), test_ca) => {
                if let Ok(Some(test_ca)) = test_ca {
                    test_ca.stop().await;
                }
                return Err(error.into());
            }
        };
    // Step 4: everything else, until it ends.
    let rotation = Rotation {
        layout: layout.clone(),
        keks: prepared.keks.clone(),
        listen,
    };
    let settings = match &test_ca {
        Some(ca) => &ca.looked_after(settings),
        None => settings,
    };
    let running = Running {
        settings,
        shared: &shared,
        clock: &clock,
        layout: &layout,
        prepared: &prepared,
        monitor: &monitor,
    };
    let store = layout.nats_store();
    let outcome = tokio::select! {
        outcome = running.until_stopped(ports, test_ca.as_ref(), stopping) => outcome,
        () = rotation.run(&nats, &clock) => Ok(()),
        () = disk::watch(&store, &nats, &clock) => Ok(()),
    };
    // With it goes the last hold on the services: their connections close before the server does.
    drop(monitor);
    // Last: what the services wrote while they stopped is in the log.
    if let Some(test_ca) = test_ca {
        test_ca.stop().await;
    }
    nats.stop().await;
    tracing::info!("stopped");
    outcome
}

/// What the services run with.
struct Running<'a> {
    settings: &'a Settings,
    shared: &'a Shared,
    clock: &'a Clock,
    layout: &'a Layout,
    prepared: &'a Prepared,
    monitor: &'a Monitor,
}

impl Running<'_> {
    /// Runs the services until they are to stop, or one of them ends.
    async fn until_stopped(
        &self,
        ports: Ports,
        test_ca: Option<&TestCa>,
        stopping: CancellationToken,
    ) -> Result<(), UpError> {
        if stopping.is_cancelled() {
            return Ok(());
        }
        let Ports {
            listeners,
            https,
            http,
            allow,
        } = ports;
        let mut services = Services::start(
            self.settings,
            self.shared,
            listeners,
            self.clock,
            self.monitor,
        )?;
        let addresses = Addresses {
            https,
            peers: services.peers.clone(),
        };
        // Who looks after them does without it where it cannot be written.
        let _addresses = addresses.write(self.layout).inspect_err(|error| {
            tracing::warn!(%error, "cannot write down where the services listen");
        });
        let shown = async {
            let screen = self.screen(https, http, allow, test_ca).await?;
            systemd::tell(systemd::READY);
            // Whoever closed our stdout wants no screen, and is no reason to stop.
            let _ = writeln!(io::stdout(), "{screen}");
            std::future::pending().await
        };
        let outcome = tokio::select! {
            () = stopping.cancelled() => Ok(()),
            error = services.ended() => Err(error.into()),
            outcome = shown => outcome,
        };
        systemd::tell(systemd::STOPPING);
        services.stop().await;
        outcome
    }

    async fn screen(
        &self,
        https: SocketAddr,
        http: SocketAddr,
        allow: Option<String>,
        test_ca: Option<&TestCa>,
    ) -> Result<Screen, UpError> {
        let reachable = ports::reachable(https);
        let fingerprint = edge::until_serving(reachable, "localhost").await?;
        let config = self.settings.table("gateway")?;
        let token = Some(self.layout.bootstrap_token());
        let token =
            token.filter(|path| path.exists() && init::token::is_there(self.layout, &config));
        let link = init::link::at(self.layout, https)?;
        let served = match (test_ca, &token) {
            (Some(ca), Some(token)) => Some(
                self.first_certificate(ca, token, reachable, fingerprint)
                    .await?,
            ),
            // The bootstrap token has ended: people go on with tokens of their own.
            _ => None,
        };
        let first_start = !self.prepared.made.is_empty();
        Ok(Screen {
            https,
            http,
            fingerprint,
            token,
            set_up: link,
            link_file: init::link::file(self.layout),
            kek: first_start.then(|| init::about_kek(&self.prepared.keks.current)),
            allow,
            served,
        })
    }

    async fn first_certificate(
        &self,
        ca: &TestCa,
        token: &Path,
        https: SocketAddr,
        fingerprint: Fingerprint,
    ) -> Result<Served, UpError> {
        let text = std::fs::read_to_string(token).map_err(|source| InitError::File {
            path: token.to_owned(),
            source,
        })?;
        let credentials = Credentials {
            url: format!("https://{https}"),
            token: SecretString::from(text.trim()),
            fingerprint: Some(fingerprint),
        };
        let connection = Connection::open(&credentials).await.map_err(Box::new)?;
        let roots = self.layout.test_ca().join("roots.pem");
        let served =
            first_certificate::ensure(ca, &connection, https, roots, self.clock.now()).await;
        Ok(served.map_err(|error| TestCaError::FirstCertificate(Box::new(error)))?)
    }
}
