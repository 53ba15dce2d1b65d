//! `chancery keys export`

use api::keystore::v1::{ExportFormat, ExportKeyRequest};
use clap::{Args, ValueEnum};
use secrecy::ExposeSecret as _;

use super::{
    super::{
        ClientError, Connection,
        connection::RequestId,
        passphrase::ProtectionArgs,
        save::{Destination, OutArgs, Readers},
    },
    find,
};
use crate::cli::Output;

/// `chancery keys export`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery keys export 0199c1…
  chancery keys export 0199c1… --passphrase-file pass --out shop.key
  chancery keys export 0199c1… --format der --unprotected --out shop.key.der

The passphrase is asked for on a terminal; without one say --passphrase-file, --passphrase-stdin or --unprotected.
The export is an event in the log, before the key leaves. The file is its owner's alone (0600), and no file is written
over without --force.")]
pub struct ExportArgs {
    /// Id, or SHA-256 of the public key (subjectPublicKeyInfo).
    #[arg(value_name = "KEY")]
    pub key: String,
    /// The form: PKCS#8 as text or binary.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Pem, hide_possible_values = true)]
    pub format: Format,
    /// Its protection.
    #[command(flatten)]
    pub protection: ProtectionArgs,
    /// Its place; the current folder and the answer's own name where it is left out.
    #[command(flatten)]
    pub out: OutArgs,
}

/// The forms of a key alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text.
    Pem,
    /// Binary.
    Der,
}

/// Asks for it, and writes it.
pub async fn run(
    args: ExportArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let destination = args.out.destination(Destination::Folder(".".into()))?;
    destination.check(args.format == Format::Pem, output)?;
    let protection = args.protection.choose(true)?;
    let format = match args.format {
        Format::Pem => ExportFormat::Pem,
        Format::Der => ExportFormat::Der,
    };
    let request = ExportKeyRequest {
        key_id: find(connection, &args.key).await?.id,
        format: format.into(),
        passphrase: protection.passphrase.expose_secret().to_owned(),
        unprotected: protection.unprotected,
    };
    let mut certificates = connection.certificates();
    let id = RequestId::new(None)?;
    let answered = connection
        .command(request, &id, async |request| {
            certificates.export_key(request).await
        })
        .await?;
    args.out
        .give_out(&destination, answered, Readers::Owner, output)
}
