//! `chancery certs`

mod create;
mod delete;
mod export;
mod listing;
mod revoke;
mod served;
mod show;

use api::{
    keystore::v1::{ClearDefaultRequest, RenameCertificateRequest, SetDefaultRequest},
    projection::v1::{Certificate, GetRequest},
};
use clap::Subcommand;
use time::OffsetDateTime;

pub use self::{create::SelfSignArgs, export::ExportArgs, revoke::RevokeArgs, show::missing};
use super::{
    ClientError, Connection, answer,
    as_of::AsOfArgs,
    connection::RequestId,
    deletion::DeletionArgs,
    import::{self, ImportArgs},
    list::ListArgs,
};
use crate::cli::Output;

/// `chancery certs`
#[derive(Debug, Subcommand)]
pub enum CertsCommand {
    /// Certificates, a line each.
    #[command(
        after_help = "Fields: name, names (any DNS name or address), status, not_after, issuer, source, created,
key (true, false), chain (complete, incomplete), authority (true, false), default (true, false),
domain (one that any DNS name is, or is under), any (name, DNS name, serial number, fingerprint),
deleted (true: the deleted ones, which are listed only so).
A status is valid, expiring, renewing, pending, error, expired, revoked or not-yet-valid.

Examples:
  chancery certs list
  chancery certs list --filter status=expiring --sort not_after
  chancery certs list --filter 'names:example not_after<2027-01-01' --output json
  chancery certs list --filter domain=example.com --as-of 2026-03-01
  chancery certs list --filter 'key=true chain=incomplete'
  chancery certs list --filter deleted=true"
    )]
    List(ListArgs),
    /// One certificate, by id, friendly name or SHA-256 fingerprint.
    #[command(
        after_help = "Examples:\n  chancery certs show www.example.com\n  chancery certs show 0199c1… --output json
  chancery certs show www.example.com --as-of 2026-03-01"
    )]
    Show {
        /// Id, friendly name or SHA-256 fingerprint.
        #[arg(value_name = "CERT")]
        certificate: String,
        #[command(flatten)]
        as_of: AsOfArgs,
    },
    /// Which certificate, chain and key answered for a name, and who could read that key.
    #[command(after_help = "Examples:
  chancery certs served www.example.com
  chancery certs served www.example.com --as-of 2026-03-01T00:00:00Z

A name that no certificate has is answered by its wildcard, else by the default.")]
    Served {
        /// A DNS name or an address.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        as_of: AsOfArgs,
    },
    /// Make a certificate that is signed with its own key, and serve it.
    SelfSign(Box<SelfSignArgs>),
    /// Take certificates and private keys in, from any number of files.
    #[command(after_help = "Examples:
  chancery certs import shop.pem shop.key
  chancery certs import shop.p12 --passphrase-file shop.pass
  chancery certs import *.pem --fetch-issuers
  curl -s https://ca.example/shop.p7b | chancery certs import -

What fits together by its public key is linked, whatever the order: a certificate and its key, the request that
it answers, the chains that it completes. Each file has a verdict of its own, and one that is refused keeps no other
back; the exit status is 1 then. On a terminal the passphrase of an encrypted file is asked for.
At most 100 files, 1 MiB a file, 10 MiB in all.")]
    Import(ImportArgs),
    /// Give certificates out, with their chains and on demand their private keys.
    Export(Box<ExportArgs>),
    /// Give a certificate another friendly name.
    #[command(after_help = "Examples:\n  chancery certs rename www.example.com shop")]
    Rename {
        /// Id, friendly name or SHA-256 fingerprint.
        #[arg(value_name = "CERT")]
        certificate: String,
        /// 1 to 100 characters, unique among certificates and pending requests.
        #[arg(value_name = "NEW-NAME")]
        name: String,
    },
    /// Choose the certificate that answers connections with no name or an unknown one.
    #[command(after_help = "Examples:
  chancery certs set-default www.example.com
  chancery certs set-default --clear

It must have its private key here, and never is a self-signed one. Without a default the factory certificate answers.")]
    SetDefault {
        /// Id, friendly name or SHA-256 fingerprint.
        #[arg(value_name = "CERT", required_unless_present = "clear")]
        certificate: Option<String>,
        /// None is the default any more.
        #[arg(long, conflicts_with = "certificate")]
        clear: bool,
    },
    /// Have a certificate revoked by its CA.
    Revoke(RevokeArgs),
    /// Delete certificates; their keys stay, and it can be undone.
    #[command(after_help = "Examples:
  chancery certs delete old.example.com
  chancery certs delete old.example.com older.example.com --dry-run
  chancery certs delete old.example.com --yes

What would go is shown first, and asked about. Replace a certificate before you delete it: from then on nothing is
served under its names that no other certificate has. The default, and what an automation renews, is not deleted.")]
    Delete {
        /// Id, friendly name or SHA-256 fingerprint.
        #[arg(value_name = "CERT", required = true)]
        certificates: Vec<String>,
        #[command(flatten)]
        deletion: DeletionArgs,
    },
    /// Undo the deletion of a certificate.
    #[command(after_help = "Examples:
  chancery certs list --filter deleted=true
  chancery certs restore old.example.com

Where its name was taken meanwhile it gets a number.")]
    Restore {
        /// Id, SHA-256 fingerprint, or the friendly name that it had.
        #[arg(value_name = "CERT")]
        certificate: String,
    },
}

/// `chancery certs`
pub async fn run(
    command: CertsCommand,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    match command {
        CertsCommand::List(args) => {
            let now = args.as_of.time(now);
            listing::list(args, connection, output, now).await
        }
        CertsCommand::Show { certificate, as_of } => {
            let now = as_of.time(now);
            let request = GetRequest {
                id: certificate,
                as_of: as_of.moment,
                ..GetRequest::default()
            };
            let row = ask(connection, request).await?;
            show::show(&row, output, now)
        }
        CertsCommand::Served { name, as_of } => {
            served::served(name, as_of, connection, output, now).await
        }
        CertsCommand::SelfSign(args) => create::self_sign(*args, connection, output, now).await,
        CertsCommand::Import(args) => import::run(args, connection, output).await,
        CertsCommand::Export(args) => export::run(*args, connection, output).await,
        CertsCommand::Rename { certificate, name } => {
            rename(&certificate, name, connection, output).await
        }
        CertsCommand::SetDefault {
            certificate: Some(certificate),
            clear: _,
        } => set_default(&certificate, connection, output).await,
        CertsCommand::SetDefault {
            certificate: None,
            clear: _,
        } => clear_default(connection, output).await,
        CertsCommand::Revoke(args) => revoke::revoke(args, connection, output).await,
        CertsCommand::Delete {
            certificates,
            deletion,
        } => delete::delete(&certificates, &deletion, connection, output).await,
        CertsCommand::Restore { certificate } => {
            delete::restore(&certificate, connection, output).await
        }
    }
}

/// The certificate with this id, friendly name or fingerprint.
pub async fn find(connection: &Connection, name: &str) -> Result<Certificate, ClientError> {
    get(connection, name, 0).await
}

/// Likewise, as it stands at this position of the log or later.
pub async fn get(
    connection: &Connection,
    name: &str,
    at_least: u64,
) -> Result<Certificate, ClientError> {
    let request = GetRequest {
        id: name.to_owned(),
        at_least,
        ..GetRequest::default()
    };
    ask(connection, request).await
}

async fn ask(connection: &Connection, request: GetRequest) -> Result<Certificate, ClientError> {
    let mut queries = connection.queries();
    connection
        .ask(request, async |request| {
            queries.get_certificate(request).await
        })
        .await
}

async fn rename(
    certificate: &str,
    name: String,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let row = find(connection, certificate).await?;
    let request = RenameCertificateRequest {
        certificate_id: row.id,
        friendly_name: name.clone(),
    };
    let mut certificates = connection.certificates();
    let id = RequestId::new(None)?;
    let answered = connection
        .command(request, &id, async |request| {
            certificates.rename_certificate(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => answer::line(&format!("{} is called {name} now", row.friendly_name)),
    }
}

async fn set_default(
    certificate: &str,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let row = find(connection, certificate).await?;
    let request = SetDefaultRequest {
        certificate_id: row.id,
    };
    let mut certificates = connection.certificates();
    let id = RequestId::new(None)?;
    let answered = connection
        .command(request, &id, async |request| {
            certificates.set_default(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => answer::line(&format!("{} is the default now", row.friendly_name)),
    }
}

async fn clear_default(connection: &Connection, output: Output) -> Result<(), ClientError> {
    let mut certificates = connection.certificates();
    let id = RequestId::new(None)?;
    let answered = connection
        .command(ClearDefaultRequest {}, &id, async |request| {
            certificates.clear_default(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => answer::line("there is no default now: the factory certificate answers"),
    }
}
