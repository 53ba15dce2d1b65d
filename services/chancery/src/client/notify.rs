//! `chancery notify`: who is told, and of what.

mod alerts;
mod channels;
mod secret;
mod settings;

use clap::Subcommand;
use time::OffsetDateTime;

pub use self::{alerts::AlertsCommand, channels::ChannelsCommand};
use super::{ClientError, Connection};
use crate::cli::Output;

/// `chancery notify`
#[derive(Debug, Subcommand)]
pub enum NotifyCommand {
    /// Who is told: e-mail and webhooks.
    #[command(subcommand)]
    Channels(ChannelsCommand),
    /// What wants somebody, and what did.
    #[command(subcommand)]
    Alerts(AlertsCommand),
}

/// `chancery notify`
pub async fn run(
    command: NotifyCommand,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    match command {
        NotifyCommand::Channels(command) => channels::run(command, connection, output).await,
        NotifyCommand::Alerts(command) => alerts::run(command, connection, output, now).await,
    }
}
