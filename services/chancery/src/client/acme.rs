//! `chancery acme`: servers, and the certificates that they issue.

mod check;
mod dns_providers;
mod progress;
mod request;
mod servers;
mod standing;
mod view;

use api::projection::v1::{Automation, GetRequest};
use clap::Subcommand;
use time::OffsetDateTime;

use self::view::show;
pub use self::{
    check::CheckArgs,
    dns_providers::DnsProvidersCommand,
    request::{RequestArgs, RetryArgs},
    servers::ServersCommand,
    standing::{CancelArgs, PauseArgs, ResumeArgs},
};
use super::{ClientError, Connection, as_of::AsOfArgs, list::ListArgs};
use crate::cli::Output;

/// `chancery acme`
#[derive(Debug, Subcommand)]
pub enum AcmeCommand {
    /// ACME servers and our accounts there.
    #[command(subcommand)]
    Servers(ServersCommand),
    /// Who writes the records of DNS-01.
    #[command(subcommand)]
    DnsProviders(DnsProvidersCommand),
    /// Check what a request would need: the names, the ports, CAA, the server. Orders nothing.
    Check(CheckArgs),
    /// Ask for a certificate, and wait for it.
    Request(RequestArgs),
    /// Automated certificates, a line each.
    #[command(
        after_help = "Fields: name, status, server, not_after, renew_at (when the next renewal begins by itself),
paused (true, false), created, cancelled (true: the cancelled ones, which are listed only so).
A status is valid, expiring, renewing, pending, error, expired, revoked or not-yet-valid.

Examples:
  chancery acme list
  chancery acme list --filter status=error --output json
  chancery acme list --sort renew_at
  chancery acme list --filter paused=true"
    )]
    List(ListArgs),
    /// One automated certificate, by id or friendly name.
    #[command(
        after_help = "Examples:\n  chancery acme show www.example.com\n  chancery acme show www.example.com --output json"
    )]
    Show {
        /// Id or friendly name.
        #[arg(value_name = "AUTOMATION")]
        automation: String,
        #[command(flatten)]
        as_of: AsOfArgs,
    },
    /// Renew: order the next version now, or try again after a failure, and wait for it.
    Retry(RetryArgs),
    /// Stop renewals until they are resumed.
    Pause(PauseArgs),
    /// Go on with renewals.
    Resume(ResumeArgs),
    /// End an automation for good; its certificate stays.
    Cancel(CancelArgs),
}

/// `chancery acme`
pub async fn run(
    command: AcmeCommand,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    match command {
        AcmeCommand::Servers(command) => servers::run(command, connection, output).await,
        AcmeCommand::DnsProviders(command) => dns_providers::run(command, connection, output).await,
        AcmeCommand::Check(args) => check::run(args, connection, output).await,
        AcmeCommand::Request(args) => request::request(args, connection, output, now).await,
        AcmeCommand::List(args) => view::list(args, connection, output, now).await,
        AcmeCommand::Show { automation, as_of } => {
            let now = as_of.time(now);
            let request = GetRequest {
                id: automation,
                as_of: as_of.moment,
                ..GetRequest::default()
            };
            let row = ask(connection, request).await?;
            show(&row, output, now)
        }
        AcmeCommand::Retry(args) => request::retry(args, connection, output, now).await,
        AcmeCommand::Pause(args) => standing::pause(args, connection, output).await,
        AcmeCommand::Resume(args) => standing::resume(args, connection, output).await,
        AcmeCommand::Cancel(args) => standing::cancel(args, connection, output).await,
    }
}

/// One automation, as it stands at this position of the log or later.
pub async fn get(
    connection: &Connection,
    id: &str,
    at_least: u64,
) -> Result<Automation, ClientError> {
    let request = GetRequest {
        id: id.to_owned(),
        at_least,
        ..GetRequest::default()
    };
    ask(connection, request).await
}

async fn ask(connection: &Connection, request: GetRequest) -> Result<Automation, ClientError> {
    let mut queries = connection.queries();
    connection
        .ask(request, async |request| {
            queries.get_automation(request).await
        })
        .await
}
