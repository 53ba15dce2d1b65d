//! `chancery service NAME`: one service in a process of its own.

use std::io;

use runtime::{
    Clock, Layout, Monitor, MonitorError, Runtime,
    config::{ConfigError, Settings},
    shutdown, telemetry,
};

use crate::{
    cli::ServiceArgs,
    init::{self, InitError},
    metrics,
    up::services::{self, ServiceError},
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
    let stopping = shutdown::on_signals().map_err(ServiceCommandError::Signals)?;
    let runtime = Runtime::start(args.name.as_str(), shared, Clock::system(), stopping, None);
    let runtime = runtime.map_err(ServiceError::Start)?;
    monitor.watch(&runtime);
    let outcome = services::run(args.name, &settings, None, runtime).await;
    telemetry.shutdown().await;
    Ok(outcome?)
}
