//! `chancery keys`

pub mod disclosures;
mod export;

use api::{
    keystore::v1::DestroyKeysRequest,
    projection::v1::{GetRequest, Key, ListRequest},
};
use clap::Subcommand;

pub use self::{disclosures::DisclosuresArgs, export::ExportArgs};
use super::{
    ClientError, Connection, answer,
    as_of::AsOfArgs,
    connection::RequestId,
    deletion::{self, DeletionArgs, Noun},
    import::{self, ImportArgs},
    list::{self, ListArgs},
};
use crate::cli::Output;

/// `chancery keys`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Private keys, a line each; never the private part.
    #[command(
        after_help = "Fields: algorithm, spki_sha256, origin (generated, imported), used (true, false: by a certificate or a
pending request), created.

Examples:
  chancery keys list
  chancery keys list --filter used=false --output json"
    )]
    List(ListArgs),
    /// One key, by id or by the SHA-256 of its public key; never the private part.
    #[command(
        after_help = "Examples:\n  chancery keys show 0199c1…\n  chancery keys show 0199c1… --output json"
    )]
    Show {
        /// Id, or SHA-256 of the public key (subjectPublicKeyInfo).
        #[arg(value_name = "KEY")]
        key: String,
        #[command(flatten)]
        as_of: AsOfArgs,
    },
    /// Take private keys in, and certificates; the same as `certs import`.
    #[command(after_help = "Examples:
  chancery keys import shop.key
  chancery keys import shop.key lab.key --passphrase-file keys.pass

A key finds its certificates by its public key, whichever comes first. One that fits none is kept.
At most 100 files, 1 MiB a file, 10 MiB in all.")]
    Import(ImportArgs),
    /// Give one private key out, alone (PKCS#8).
    Export(ExportArgs),
    /// Who could read private keys: every export, and every gateway that was given what it serves.
    Disclosures(DisclosuresArgs),
    /// Destroy private keys for good.
    #[command(after_help = "Examples:
  chancery keys list --filter used=false
  chancery keys delete 0199c1… --dry-run
  chancery keys delete 0199c1…

This cannot be undone: nobody gets the key back. One that a certificate or a pending request uses stays. What
would go is shown first, and \"yes\" has to be typed; --yes does without.")]
    Delete {
        /// Id, or SHA-256 of the public key (subjectPublicKeyInfo).
        #[arg(value_name = "KEY", required = true)]
        keys: Vec<String>,
        #[command(flatten)]
        deletion: DeletionArgs,
    },
}

/// `chancery keys`
pub async fn run(
    command: KeysCommand,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    match command {
        KeysCommand::List(args) => show_list(args, connection, output).await,
        KeysCommand::Show { key, as_of } => {
            let request = GetRequest {
                id: key,
                as_of: as_of.moment,
                ..GetRequest::default()
            };
            show(&ask(connection, request).await?, output)
        }
        KeysCommand::Import(args) => import::run(args, connection, output).await,
        KeysCommand::Export(args) => export::run(args, connection, output).await,
        KeysCommand::Disclosures(args) => disclosures::run(&args, connection, output).await,
        KeysCommand::Delete { keys, deletion } => {
            delete(&keys, &deletion, connection, output).await
        }
    }
}

/// The key with this id or this hash of its public key.
pub async fn find(connection: &Connection, name: &str) -> Result<Key, ClientError> {
    let request = GetRequest {
        id: name.to_owned(),
        ..GetRequest::default()
    };
    ask(connection, request).await
}

async fn ask(connection: &Connection, request: GetRequest) -> Result<Key, ClientError> {
    let mut queries = connection.queries();
    connection
        .ask(request, async |request| queries.get_key(request).await)
        .await
}

async fn show_list(
    args: ListArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let mut queries = connection.queries();
    let request = ListRequest::from(args);
    let page = connection
        .ask(request, async |request| queries.list_keys(request).await)
        .await?;
    if output == Output::Json {
        return answer::json(&page);
    }
    let rows = page.keys.iter().map(|row| {
        [
            answer::word(row.algorithm().as_str_name(), "KEY_ALGORITHM_"),
            answer::word(row.origin().as_str_name(), "KEY_ORIGIN_"),
            row.certificate_ids.len().to_string(),
            row.request_ids.len().to_string(),
            row.exports.to_string(),
            answer::time(&row.created),
            row.id.clone(),
        ]
    });
    answer::table(
        [
            "algorithm",
            "origin",
            "certificates",
            "requests",
            "exports",
            "created",
            "id",
        ],
        rows,
        "no keys",
    )?;
    list::more(&page.next_page_token);
    Ok(())
}

fn show(row: &Key, output: Output) -> Result<(), ClientError> {
    if output == Output::Json {
        return answer::json(row);
    }
    answer::details([
        ("id", row.id.clone()),
        (
            "algorithm",
            answer::word(row.algorithm().as_str_name(), "KEY_ALGORITHM_"),
        ),
        ("destroyed", answer::time(&row.destroyed)),
        (
            "origin",
            answer::word(row.origin().as_str_name(), "KEY_ORIGIN_"),
        ),
        ("public key", row.spki_sha256.clone()),
        ("certificates", row.certificate_ids.join(", ")),
        ("requests", row.request_ids.join(", ")),
        ("exports", row.exports.to_string()),
        ("last exported", answer::time(&row.last_exported)),
        ("created", answer::time(&row.created)),
    ])
}

async fn delete(
    names: &[String],
    args: &DeletionArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let ids = deletion::ids(args, names, async |name| {
        Ok(find(connection, name).await?.id)
    })
    .await?;
    let noun = Noun {
        one: "key",
        many: "keys",
        for_good: Some("A key that is destroyed is gone for good: nobody gets it back."),
    };
    deletion::run(args, noun, ids, output, async |key_ids, dry_run| {
        let request = DestroyKeysRequest { key_ids, dry_run };
        let mut certificates = connection.certificates();
        let id = RequestId::new(None)?;
        connection
            .command(request, &id, async |request| {
                certificates.destroy_keys(request).await
            })
            .await
    })
    .await
}
