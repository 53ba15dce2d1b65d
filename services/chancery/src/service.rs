//! `chancery service NAME`: one service in a process of its own.

use std::io;

use runtime::{
    Clock, Layout, Monitor, MonitorError, Runtime,
    config::{ConfigError, Settings},
    shutdown, telemetry,
};

use crate::{
    cli::{ServiceArgs, ServiceName},
    init::{self, InitError},
    metrics, systemd,
    up::{
        ports::PortsError,
        services::{self, ServiceError},
    },
};

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServiceCommandError {
    /// The configuration is not right.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder is half restored.
    #[error(transparent)]
    Init(#[from] InitError),
    /// Signals cannot be listened for.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// Its metrics cannot be shown.
    #[error(transparent)]
    Metrics(#[from] MonitorError),
    /// What the service manager passes is not for it.
    #[error(transparent)]
    Sockets(#[from] PortsError),
    /// It ended, or did not start.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// Runs it until SIGINT or SIGTERM.
pub async fn run(args: ServiceArgs) -> Result<(), ServiceCommandError> {
    let settings = Settings::read(
        args.folder.config.as_deref(),
        args.folder.data_dir.as_deref(),
    )?;
    let shared = settings.shared()?;
    init::not_half_restored(&Layout::of(&shared))?;
    let telemetry = telemetry::init(&shared.telemetry);
    let address = shared.metrics_of(args.name.as_str());
    let monitor = Monitor::start(address, &metrics::CATALOG).await?;
    let edge = match args.name {
        ServiceName::Gateway => systemd::sockets().map_err(PortsError::Passed)?,
        _ => None,
    };
    let stopping = shutdown::on_signals().map_err(ServiceCommandError::Signals)?;
    let runtime = Runtime::start(args.name.as_str(), shared, Clock::system(), stopping, None);
    let runtime = runtime.map_err(ServiceError::Start)?;
    monitor.watch(&runtime);
    let outcome = tokio::select! {
        outcome = services::run(args.name, &settings, edge, runtime.clone()) => outcome,
        never = systemd::tell_when_ready(&runtime) => match never {},
    };
    telemetry.shutdown().await;
    Ok(outcome?)
}
