//! `chancery acme servers register`

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use api::acme::v1::{ExternalAccountBinding, RegisterServerRequest};
use clap::Args;

use super::{
    super::super::{ClientError, Connection, answer, connection::RequestId},
    directories,
};
use crate::cli::Output;

/// `chancery acme servers register`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery acme servers register letsencrypt --contact ops@example.com --agree-to-terms
  chancery acme servers register shop-ca --preset zerossl \\
      --contact ops@example.com --agree-to-terms --eab-key-id KID --eab-hmac-key-file key.txt
  chancery acme servers register inside --directory https://ca.internal.example/acme/directory \\
      --trusted-roots root.pem --agree-to-terms

`chancery acme servers presets` lists the presets, and `preview` shows a directory's terms first.")]
pub struct RegisterArgs {
    /// What it is called here, unique among servers; a preset's id where neither --preset nor --directory is given.
    pub name: String,
    /// A preset, for its directory.
    #[arg(long, value_name = "ID", conflicts_with = "directory")]
    pub preset: Option<String>,
    /// The server's directory, an https URL.
    #[arg(long, value_name = "URL")]
    pub directory: Option<String>,
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

/// Opens the account.
pub async fn register(
    args: RegisterArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    let directory_url = match (args.directory, &args.preset) {
        (Some(url), _) => url,
        (None, preset) => {
            let preset = preset.as_deref().unwrap_or(&args.name);
            directories::of_preset(connection, preset).await?
        }
    };
    let external_account_binding = match (args.eab_key_id, args.eab_hmac_key_file) {
        (Some(key_id), Some(file)) => Some(ExternalAccountBinding {
            key_id,
            hmac_key: read_secret(&file)?,
        }),
        _ => None,
    };
    let request = RegisterServerRequest {
        name: args.name.clone(),
        directory_url,
        contact_emails: args.contact,
        terms_of_service_agreed: args.agree_to_terms,
        external_account_binding,
        trusted_roots_pem: roots(args.trusted_roots.as_deref())?,
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

/// The roots in a file; none without one.
pub fn roots(file: Option<&Path>) -> Result<String, ClientError> {
    match file {
        Some(file) => fs::read_to_string(file).map_err(ClientError::reading(file)),
        None => Ok(String::new()),
    }
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
