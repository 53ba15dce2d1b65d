//! `chancery acme servers`

mod account;
mod directories;
mod register;

use api::{
    acme::v1::GetServerContactRequest,
    projection::v1::{AsOf, GetRequest, ListRequest, Server},
};
use clap::Subcommand;

pub use self::{
    account::{ContactArgs, DeactivateArgs, RollKeyArgs},
    directories::PreviewArgs,
    register::RegisterArgs,
};
use super::super::{
    ClientError, Connection, answer,
    as_of::AsOfArgs,
    list::{self, ListArgs},
};
use crate::cli::Output;

/// `chancery acme servers`
#[derive(Debug, Subcommand)]
pub enum ServersCommand {
    /// Public CAs whose directories are known here.
    #[command(
        after_help = "Examples:\n  chancery acme servers presets\n  chancery acme servers presets --output json"
    )]
    Presets,
    /// Read a directory, and show what a registration there needs. Keeps nothing.
    Preview(PreviewArgs),
    /// Open an account at an ACME server.
    Register(RegisterArgs),
    /// Registered servers, a line each.
    #[command(
        after_help = "Fields: name, directory_url, created.\n\nExamples:\n  chancery acme servers list --output json"
    )]
    List(ListArgs),
    /// One server, by id or name, with the account's contact addresses.
    #[command(after_help = "Examples:\n  chancery acme servers show letsencrypt")]
    Show {
        /// Id or name.
        #[arg(value_name = "SERVER")]
        server: String,
        #[command(flatten)]
        as_of: AsOfArgs,
    },
    /// Set the contact addresses of the account, here and at the CA.
    Contact(ContactArgs),
    /// Give the account another key. Orders that are under way go on.
    RollKey(RollKeyArgs),
    /// End the account at the CA for good.
    Deactivate(DeactivateArgs),
}

pub async fn run(
    command: ServersCommand,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    match command {
        ServersCommand::Presets => directories::presets(connection, output).await,
        ServersCommand::Preview(args) => directories::preview(args, connection, output).await,
        ServersCommand::Register(args) => register::register(args, connection, output).await,
        ServersCommand::List(args) => show_list(args, connection, output).await,
        ServersCommand::Show { server, as_of } => {
            show(server, as_of.moment, connection, output).await
        }
        ServersCommand::Contact(args) => account::contact(args, connection, output).await,
        ServersCommand::RollKey(args) => account::roll_key(args, connection, output).await,
        ServersCommand::Deactivate(args) => account::deactivate(args, connection, output).await,
    }
}

async fn show_list(
    args: ListArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let mut queries = connection.queries();
    let request = ListRequest::from(args);
    let page = connection
        .ask(request, async |request| queries.list_servers(request).await)
        .await?;
    if output == Output::Json {
        return answer::json(&page);
    }
    let rows = page.servers.iter().map(|row| {
        [
            row.name.clone(),
            row.directory_url.clone(),
            row.external_account_key_id.clone(),
            answer::time(&row.created),
            answer::time(&row.deactivated),
            row.id.clone(),
        ]
    });
    answer::table(
        [
            "name",
            "directory",
            "eab key id",
            "created",
            "deactivated",
            "id",
        ],
        rows,
        "no servers",
    )?;
    list::more(&page.next_page_token);
    Ok(())
}

/// A server by its id or name.
async fn get(
    connection: &Connection,
    server: String,
    as_of: Option<AsOf>,
) -> Result<Server, ClientError> {
    let mut queries = connection.queries();
    let request = GetRequest {
        id: server,
        as_of,
        ..GetRequest::default()
    };
    connection
        .ask(request, async |request| queries.get_server(request).await)
        .await
}

async fn show(
    server: String,
    as_of: Option<AsOf>,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let row = get(connection, server, as_of).await?;
    if output == Output::Json {
        return answer::json(&row);
    }
    let mut servers = connection.servers();
    let request = GetServerContactRequest {
        server_id: row.id.clone(),
    };
    // A viewer may see the server, and not the addresses.
    let contact = connection
        .ask(request, async |request| {
            servers.get_server_contact(request).await
        })
        .await;
    let contact = match contact {
        Ok(contact) => contact.contact_emails.join(", "),
        Err(ClientError::Refused(_)) => String::new(),
        Err(error) => return Err(error),
    };
    details(&row, contact)
}

fn details(row: &Server, contact: String) -> Result<(), ClientError> {
    answer::details([
        ("name", row.name.clone()),
        ("id", row.id.clone()),
        ("directory", row.directory_url.clone()),
        ("account", row.account_url.clone()),
        ("account key", row.account_key_thumbprint.clone()),
        ("contact", contact),
        ("terms", row.terms_of_service_url.clone()),
        ("website", row.website_url.clone()),
        ("caa", row.caa_identities.join(", ")),
        ("profiles", row.profiles.join(", ")),
        ("eab key id", row.external_account_key_id.clone()),
        ("created", answer::time(&row.created)),
        ("deactivated", answer::time(&row.deactivated)),
    ])
}
