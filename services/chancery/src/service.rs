//! `chancery service NAME`: one service in a process of its own.

use std::io;

use runtime::{
    Clock, Runtime,
    config::{ConfigError, Settings},
    shutdown, telemetry,
};

use crate::{
    cli::ServiceArgs,
    up::services::{self, ServiceError},
};

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServiceCommandError {
    /// The configuration is not right.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Signals cannot be listened for.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
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
    let telemetry = telemetry::init(&shared.telemetry);
    let stopping = shutdown::on_signals().map_err(ServiceCommandError::Signals)?;
    let runtime = Runtime::start(args.name.as_str(), shared, Clock::system(), stopping, None);
    let runtime = runtime.map_err(ServiceError::Start)?;
    let outcome = services::run(args.name, &settings, None, runtime).await;
    telemetry.shutdown().await;
    Ok(outcome?)
}
