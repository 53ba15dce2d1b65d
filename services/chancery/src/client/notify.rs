//! `chancery notify`: who is told what.

mod channels;
mod secret;
mod settings;

use clap::Subcommand;

pub use self::channels::ChannelsCommand;
use super::{ClientError, Connection};
use crate::cli::Output;

/// `chancery notify`
#[derive(Debug, Subcommand)]
pub enum NotifyCommand {
    /// Channels: e-mail and webhooks, and what each is told.
    #[command(subcommand)]
    Channels(ChannelsCommand),
}

/// `chancery notify`
pub async fn run(
    command: NotifyCommand,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    match command {
        NotifyCommand::Channels(command) => channels::run(command, connection, output).await,
    }
}
