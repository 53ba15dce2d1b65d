//! `chancery acme servers contact`, `roll-key` and `deactivate`: what is done to an account that is there.

use api::acme::v1::{DeactivateServerRequest, RollAccountKeyRequest, UpdateServerContactRequest};
use clap::Args;

use super::{
    super::super::{
        ClientError, Connection, answer,
        connection::RequestId,
        terminal::{self, Consent},
    },
    get,
};
use crate::cli::Output;

/// `chancery acme servers contact`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery acme servers contact letsencrypt ops@example.com second@example.com
  chancery acme servers contact letsencrypt --none")]
pub struct ContactArgs {
    /// Id or name.
    #[arg(value_name = "SERVER")]
    pub server: String,
    /// E-mail addresses, in place of those that the account has.
    #[arg(value_name = "EMAIL", required_unless_present = "none")]
    pub contact: Vec<String>,
    /// The account has no address any more.
    #[arg(long, conflicts_with = "contact")]
    pub none: bool,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

/// `chancery acme servers roll-key`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery acme servers roll-key letsencrypt

The new key is sealed before the CA hears of it, and the old one is of no use afterwards. CAA records with
accounturi stay right: the account keeps its URL.")]
pub struct RollKeyArgs {
    /// Id or name.
    #[arg(value_name = "SERVER")]
    pub server: String,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

/// `chancery acme servers deactivate`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery acme servers deactivate old-ca
  chancery acme servers deactivate old-ca --yes

Refused while an automated certificate uses the server, be it as its second one: cancel those first. The
account's key is destroyed; certificates that are here stay.")]
pub struct DeactivateArgs {
    /// Id or name.
    #[arg(value_name = "SERVER")]
    pub server: String,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

/// Sets the contact addresses.
pub async fn contact(
    args: ContactArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    let server = get(connection, args.server, None).await?;
    let request = UpdateServerContactRequest {
        server_id: server.id,
        contact_emails: args.contact,
    };
    let mut servers = connection.servers();
    let answered = connection
        .command(request, &id, async |request| {
            servers.update_server_contact(request).await
        })
        .await?;
    done(&answered, "the account has these addresses now", output)
}

/// Gives the account another key.
pub async fn roll_key(
    args: RollKeyArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    let server = get(connection, args.server, None).await?;
    let request = RollAccountKeyRequest {
        server_id: server.id,
    };
    let mut servers = connection.servers();
    let answered = connection
        .command(request, &id, async |request| {
            servers.roll_account_key(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => {
            eprintln!("the account has another key now");
            answer::details([("account key", answered.account_key_thumbprint)])
        }
    }
}

/// Ends the account, once it is agreed to.
pub async fn deactivate(
    args: DeactivateArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    if !args.yes && !terminal::can_ask() {
        return Err(ClientError::Usage {
            what: "there is no terminal to ask on: say --yes".into(),
        });
    }
    let id = RequestId::new(args.request_id.as_deref())?;
    let server = get(connection, args.server, None).await?;
    let question = format!(
        "The account {} at {} ends for good, and its key is destroyed.",
        server.account_url, server.directory_url
    );
    if !args.yes && !terminal::agrees(&question, Consent::InFull)? {
        return Err(ClientError::NotDone {
            what: "nothing was done".into(),
        });
    }
    let request = DeactivateServerRequest {
        server_id: server.id,
    };
    let mut servers = connection.servers();
    let answered = connection
        .command(request, &id, async |request| {
            servers.deactivate_server(request).await
        })
        .await?;
    done(&answered, "the account has ended", output)
}

fn done(answered: &impl serde::Serialize, what: &str, output: Output) -> Result<(), ClientError> {
    match output {
        Output::Json => answer::json(answered),
        Output::Table => {
            eprintln!("{what}");
            Ok(())
        }
    }
}
