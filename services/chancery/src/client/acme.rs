//! `chancery acme`: servers, and the certificates that they issue.

mod check;
mod progress;
mod request;
mod servers;
mod standing;

use api::projection::v1::{Automation, GetRequest, ListRequest};
use clap::Subcommand;
use time::OffsetDateTime;

pub use self::{
    check::CheckArgs,
    request::{RequestArgs, RetryArgs},
    servers::ServersCommand,
    standing::{CancelArgs, PauseArgs, ResumeArgs},
};
use super::{
    ClientError, Connection, answer, error,
    list::{self, ListArgs},
    names,
};
use crate::cli::Output;

/// `chancery acme`
#[derive(Debug, Subcommand)]
pub enum AcmeCommand {
    /// ACME servers and our accounts there.
    #[command(subcommand)]
    Servers(ServersCommand),
    /// Check what a request would need: the names, the ports, CAA, the server. Orders nothing.
    Check(CheckArgs),
    /// Ask for a certificate, and wait for it.
    Request(RequestArgs),
    /// Automated certificates, a line each.
    #[command(after_help = "Fields: name, status, server, not_after, created.

Examples:
  chancery acme list
  chancery acme list --filter status=failed --output json")]
    List(ListArgs),
    /// One automated certificate, by id or friendly name.
    #[command(
        after_help = "Examples:\n  chancery acme show www.example.com\n  chancery acme show www.example.com --output json"
    )]
    Show {
        /// Id or friendly name.
        #[arg(value_name = "AUTOMATION")]
        automation: String,
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
        AcmeCommand::Check(args) => check::run(args, connection, output).await,
        AcmeCommand::Request(args) => request::request(args, connection, output, now).await,
        AcmeCommand::List(args) => show_list(args, connection, output, now).await,
        AcmeCommand::Show { automation } => {
            let row = get(connection, &automation, 0).await?;
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
    let mut queries = connection.queries();
    let request = GetRequest {
        id: id.to_owned(),
        at_least,
    };
    connection
        .ask(request, async |request| {
            queries.get_automation(request).await
        })
        .await
}

async fn show_list(
    args: ListArgs,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    let mut queries = connection.queries();
    let request = ListRequest::from(args);
    let page = connection
        .ask(request, async |request| {
            queries.list_automations(request).await
        })
        .await?;
    if output == Output::Json {
        return answer::json(&page);
    }
    let rows = page.automations.iter().map(|row| {
        [
            row.friendly_name.clone(),
            answer::word(row.status().as_str_name(), "CERTIFICATE_STATUS_"),
            row.server_name.clone(),
            answer::day(&row.not_after, now),
            row.last_failure
                .as_ref()
                .map(|f| f.reason.clone())
                .unwrap_or_default(),
            row.id.clone(),
        ]
    });
    answer::table(
        ["name", "status", "server", "expires", "failure", "id"],
        rows,
        "no automated certificates",
    )?;
    list::more(&page.next_page_token);
    Ok(())
}

/// An automation, whole.
fn show(row: &Automation, output: Output, now: OffsetDateTime) -> Result<(), ClientError> {
    if output == Output::Json {
        return answer::json(row);
    }
    answer::details([
        ("name", row.friendly_name.clone()),
        ("id", row.id.clone()),
        (
            "status",
            answer::word(row.status().as_str_name(), "CERTIFICATE_STATUS_"),
        ),
        (
            "names",
            row.dns_names
                .iter()
                .map(|name| names::dns(name))
                .collect::<Vec<_>>()
                .join(", "),
        ),
        ("server", row.server_name.clone()),
        (
            "key",
            answer::word(row.key_algorithm().as_str_name(), "KEY_ALGORITHM_"),
        ),
        (
            "challenge",
            answer::word(row.challenge_type().as_str_name(), "CHALLENGE_TYPE_"),
        ),
        ("profile", row.profile.clone()),
        ("certificate", row.certificate_id.clone()),
        ("version", version(row)),
        ("expires", answer::day(&row.not_after, now)),
        ("orders", row.attempt.to_string()),
        ("last order", row.order_url.clone()),
        ("last event", row.last_event.clone()),
        ("created", answer::time(&row.created)),
        ("updated", answer::time(&row.updated)),
    ])?;
    match &row.last_failure {
        Some(failure) => answer::line(&format!("\nfailed: {}", error::failure(failure))),
        None => Ok(()),
    }
}

fn version(row: &Automation) -> String {
    match row.certificate_version {
        0 => String::new(),
        version => version.to_string(),
    }
}
