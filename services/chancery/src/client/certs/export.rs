//! `chancery certs export`

use api::keystore::v1::{ExportFormat, ExportItem, ExportRequest};
use clap::{Args, ValueEnum};
use secrecy::ExposeSecret as _;

use super::{
    super::{
        ClientError, Connection,
        connection::RequestId,
        passphrase::{Protection, ProtectionArgs},
        save::{Destination, OutArgs, Readers},
    },
    find,
};
use crate::cli::Output;

/// `chancery certs export`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery certs export www.example.com
  chancery certs export www.example.com --format pkcs12 --certificate --chain --private-key
  chancery certs export www.example.com --private-key --passphrase-file pass --format der --out key.der
  chancery certs export www.example.com shop.example --private-key --certificate --unprotected --out keys.zip
  chancery certs export www.example.com shop.example --format pkcs7 --out all.p7b
  chancery certs export www.example.com --certificate --out - | openssl x509 -text

Without --certificate, --chain and --private-key the certificate and its chain are given out. One certificate as PEM
is one file (a ZIP of one file each with --zip), several are a ZIP (one file with --one-file).
A private key needs a passphrase, or --unprotected; PKCS#12 and JKS need one in any case. On a terminal it is asked
for. Each export is an event in the log, before the bytes leave. A file with a private key is its owner's alone (0600),
and no file is written over without --force. With --output json stdout says which file was written.")]
pub struct ExportArgs {
    /// Id, friendly name or SHA-256 fingerprint.
    #[arg(required = true, value_name = "CERT")]
    pub certificates: Vec<String>,
    /// The form.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Pem)]
    pub format: Format,
    /// Give out the certificate.
    #[arg(long, help_heading = PARTS)]
    pub certificate: bool,
    /// Give out its issuers.
    #[arg(long, help_heading = PARTS)]
    pub chain: bool,
    /// Give out its private key.
    #[arg(long, help_heading = PARTS)]
    pub private_key: bool,
    /// An older version of the one certificate, as `chancery certs show` numbers them.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub version: Option<u32>,
    /// PEM alone: all of several certificates in one file.
    #[arg(long)]
    pub one_file: bool,
    /// PEM alone: each part of one certificate in a file of its own, in a ZIP.
    #[arg(long, conflicts_with = "one_file")]
    pub zip: bool,
    /// PKCS#12 alone: 3DES and SHA-1, for old readers.
    #[arg(long)]
    pub legacy_encryption: bool,
    /// Its protection.
    #[command(flatten)]
    pub protection: ProtectionArgs,
    /// Its place; the current folder and the answer's own name where it is left out.
    #[command(flatten)]
    pub out: OutArgs,
}

/// The forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text, for most servers.
    Pem,
    /// Binary, one thing a file.
    Der,
    /// PKCS#12 (.p12, .pfx), for Windows, macOS and Java.
    Pkcs12,
    /// Java KeyStore.
    Jks,
    /// PKCS#7 (.p7b): certificates alone, binary.
    Pkcs7,
    /// PKCS#7 as PEM.
    Pkcs7Pem,
}

impl Format {
    /// It has a passphrase for its integrity, also without a private key.
    fn is_sealed(self) -> bool {
        match self {
            Format::Pkcs12 | Format::Jks => true,
            Format::Pem | Format::Der | Format::Pkcs7 | Format::Pkcs7Pem => false,
        }
    }
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Pem => ExportFormat::Pem,
            Format::Der => ExportFormat::Der,
            Format::Pkcs12 => ExportFormat::Pkcs12,
            Format::Jks => ExportFormat::Jks,
            Format::Pkcs7 => ExportFormat::Pkcs7,
            Format::Pkcs7Pem => ExportFormat::Pkcs7Pem,
        }
    }
}

/// Asks for it, and writes it.
pub async fn run(
    args: ExportArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    args.check()?;
    let destination = args.out.destination(Destination::Folder(".".into()))?;
    let one_file = args.one_file || (args.certificates.len() == 1 && !args.zip);
    let is_text = match args.format {
        Format::Pem => one_file,
        Format::Pkcs7Pem => true,
        Format::Der | Format::Pkcs12 | Format::Jks | Format::Pkcs7 => false,
    };
    destination.check(is_text, output)?;
    let needed = args.private_key || args.format.is_sealed();
    let protection = args.protection.choose(needed)?;
    let mut ids = Vec::with_capacity(args.certificates.len());
    for name in &args.certificates {
        ids.push(find(connection, name).await?.id);
    }
    let request = args.request(ids, one_file, &protection);
    let mut certificates = connection.certificates();
    let id = RequestId::new(None)?;
    let answered = connection
        .command(request, &id, async |request| match args.private_key {
            true => certificates.export_with_private_keys(request).await,
            false => certificates.export(request).await,
        })
        .await?;
    let readers = match args.private_key {
        true => Readers::Owner,
        false => Readers::Everybody,
    };
    args.out.give_out(&destination, answered, readers, output)
}

impl ExportArgs {
    /// What does not go together.
    fn check(&self) -> Result<(), ClientError> {
        let wrong = [
            (
                self.version.is_some() && self.certificates.len() > 1,
                "--version is of one certificate: name that alone",
            ),
            (
                (self.one_file || self.zip) && self.format != Format::Pem,
                "--one-file and --zip are for --format pem alone",
            ),
            (
                self.legacy_encryption && self.format != Format::Pkcs12,
                "--legacy-encryption is for --format pkcs12 alone",
            ),
            (
                self.private_key && matches!(self.format, Format::Pkcs7 | Format::Pkcs7Pem),
                "PKCS#7 holds certificates alone: --private-key needs another --format",
            ),
        ];
        match wrong.into_iter().find(|(is_wrong, _)| *is_wrong) {
            Some((_, what)) => Err(ClientError::Usage { what: what.into() }),
            None => Ok(()),
        }
    }

    fn request(&self, ids: Vec<String>, one_file: bool, protection: &Protection) -> ExportRequest {
        let unsaid = !self.certificate && !self.chain && !self.private_key;
        let items = ids.into_iter().map(|certificate_id| ExportItem {
            certificate_id,
            version: self.version.unwrap_or_default(),
            certificate: self.certificate || unsaid,
            chain: self.chain || unsaid,
            private_key: self.private_key,
        });
        ExportRequest {
            items: items.collect(),
            format: ExportFormat::from(self.format).into(),
            one_file: self.format == Format::Pem && one_file,
            passphrase: protection.passphrase.expose_secret().to_owned(),
            unprotected: protection.unprotected,
            legacy_encryption: self.legacy_encryption,
        }
    }
}

const PARTS: &str = "What is given out";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ExportArgs,
    }

    fn args(words: &str) -> ExportArgs {
        let words = ["export"].into_iter().chain(words.split_whitespace());
        Line::try_parse_from(words).unwrap().args
    }

    #[test]
    fn what_is_left_out_is_the_certificate_and_its_chain() {
        let ids = || vec!["0199".to_owned()];
        let request = args("shop").request(ids(), true, &Protection::default());
        let item = &request.items[0];
        assert!(item.certificate && item.chain && !item.private_key);
        assert!(request.one_file && !request.unprotected && request.passphrase.is_empty());

        let key = args("shop --private-key --unprotected --version 2 --format der");
        let protection = key.protection.choose(true).unwrap();
        let request = key.request(ids(), true, &protection);
        let item = &request.items[0];
        assert!(!item.certificate && !item.chain && item.private_key);
        assert_eq!(item.version, 2);
        assert!(request.unprotected);
        assert!(!request.one_file, "that is of PEM alone");
    }

    #[test]
    fn what_does_not_go_together_is_wrong_usage() {
        for words in [
            "a b --version 2",
            "a --one-file --format der",
            "a --zip --format pkcs12",
            "a --legacy-encryption",
            "a --format pkcs7 --private-key",
        ] {
            let refused = args(words).check();
            assert!(matches!(refused, Err(ClientError::Usage { .. })), "{words}");
        }
        args("a b --one-file --private-key").check().unwrap();
        args("a --format pkcs12 --legacy-encryption")
            .check()
            .unwrap();
    }
}
