//! `chancery acme servers`

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use api::{
    acme::v1::{ExternalAccountBinding, GetServerContactRequest, RegisterServerRequest},
    projection::v1::{GetRequest, ListRequest, Server},
};
use clap::{Args, Subcommand};

use super::super::{
    ClientError, Connection, answer,
    connection::RequestId,
    list::{self, ListArgs},
};
use crate::cli::Output;

/// `chancery acme servers`
#[derive(Debug, Subcommand)]
pub enum ServersCommand {
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
    },
}

/// `chancery acme servers register`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery acme servers register letsencrypt \\
      --directory https://acme-v02.api.letsencrypt.org/directory \\
      --contact ops@example.com --agree-to-terms
  chancery acme servers register zerossl --directory https://acme.zerossl.com/v2/DV90 \\
      --contact ops@example.com --agree-to-terms --eab-key-id KID --eab-hmac-key-file key.txt")]
pub struct RegisterArgs {
    /// What it is called here, unique among servers.
    pub name: String,
    /// The server's directory, an https URL.
    #[arg(long, value_name = "URL")]
    pub directory: String,
    /// E-mail address for the account; may be given several times.
    #[arg(long, value_name = "EMAIL")]
    pub contact: Vec<String>,
    /// You agree to the server's terms of service.
    #[arg(long)]
    pub agree_to_terms: bool,
    /// Key id of the external account binding, for servers that require one.
    #[arg(long, value_name = "ID", requires = "eab_hmac_key_file")]
    pub eab_key_id: Option<String>,
    /// File with the binding's HMAC key as the CA shows it (base64url); "-" reads it from stdin.
    #[arg(long, value_name = "FILE", requires = "eab_key_id")]
    pub eab_hmac_key_file: Option<PathBuf>,
    /// Roots (PEM) to trust for the server's own https, in place of the public ones.
    #[arg(long, value_name = "FILE")]
    pub trusted_roots: Option<PathBuf>,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

pub async fn run(
    command: ServersCommand,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    match command {
        ServersCommand::Register(args) => register(args, connection, output).await,
        ServersCommand::List(args) => show_list(args, connection, output).await,
        ServersCommand::Show { server } => show(server, connection, output).await,
    }
}

async fn register(
    args: RegisterArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    let external_account_binding = match (args.eab_key_id, args.eab_hmac_key_file) {
        (Some(key_id), Some(file)) => Some(ExternalAccountBinding {
            key_id,
            hmac_key: read_secret(&file)?,
        }),
        _ => None,
    };
    let trusted_roots_pem = match &args.trusted_roots {
        Some(file) => fs::read_to_string(file).map_err(ClientError::reading(file))?,
        None => String::new(),
    };
    let request = RegisterServerRequest {
        name: args.name.clone(),
        directory_url: args.directory,
        contact_emails: args.contact,
        terms_of_service_agreed: args.agree_to_terms,
        external_account_binding,
        trusted_roots_pem,
    };
    let mut servers = connection.servers();
    let answered = connection
        .command(request, &id, async |request| {
            servers.register_server(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => {
            eprintln!(
                "registered; now: chancery acme request NAME --server {}",
                args.name
            );
            answer::details([
                ("id", answered.server_id),
                ("account", answered.account_url),
                ("terms", answered.terms_of_service_url),
                ("website", answered.website_url),
            ])
        }
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

async fn show(server: String, connection: &Connection, output: Output) -> Result<(), ClientError> {
    let mut queries = connection.queries();
    let request = GetRequest {
        id: server,
        at_least: 0,
    };
    let row = connection
        .ask(request, async |request| queries.get_server(request).await)
        .await?;
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

/// A secret from a file or, for "-", from stdin: never from an argument, which every user of the machine can see.
fn read_secret(file: &Path) -> Result<String, ClientError> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        let read = io::stdin().read_to_string(&mut text);
        read.map_err(ClientError::reading("the HMAC key from stdin"))?;
        text
    } else {
        fs::read_to_string(file).map_err(ClientError::reading(file))?
    };
    Ok(text.trim().to_owned())
}
