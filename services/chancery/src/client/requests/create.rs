//! `chancery requests create`

use api::csr::v1::{CreateRequestRequest, CreateRequestResponse};
use clap::{ArgGroup, Args};

use super::super::{
    ClientError, Connection, answer, certs,
    connection::RequestId,
    key_choice::{self, KeyArgs, Unsaid},
    save::{Destination, OutArgs, Readers},
    subject::{self, SubjectArgs},
};
use crate::cli::Output;

/// `chancery requests create`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("for").args(["dns", "ip", "copy_from", "renew"]).required(true).multiple(true),
    after_help = "Examples:
  chancery requests create shop --dns shop.example --dns www.shop.example --cn shop.example > shop.csr
  chancery requests create shop --dns shop.example --organization 'Shop AG' --country DE --key-algorithm rsa-3072
  chancery requests create shop-2 --copy-from shop --out shop-2.csr
  chancery requests create --renew shop
  chancery requests create --renew shop --new-key ecdsa-p384

stdout gets the request (PEM) and nothing else. Send it to a CA, and import what the CA answers: `chancery certs import`
finds the request by its key, and the certificate takes over its name.
--copy-from takes names, subject and kind of key from a certificate or a request, and makes a new key. --renew takes
them from the certificate that is to be replaced, and its key as well unless a key is named. Each option takes the place of
what is copied, an empty one leaves it out, and --dns and --ip together take the place of all the names."
)]
pub struct CreateArgs {
    /// Friendly name, unique among certificates and pending requests; with --renew it may be left out.
    #[arg(required_unless_present = "renew")]
    pub name: Option<String>,
    /// Whom it is for.
    #[command(flatten)]
    pub subject: SubjectArgs,
    /// Its key.
    #[command(flatten)]
    pub key: KeyArgs,
    /// Copy names, subject and kind of key from this certificate or request.
    #[arg(long, value_name = "CERT|REQUEST", conflicts_with = "renew")]
    pub copy_from: Option<String>,
    /// The certificate that the new one is to take the place of: copy its names, its subject and its key.
    #[arg(long, value_name = "CERT")]
    pub renew: Option<String>,
    /// Its place; stdout where it is left out.
    #[command(flatten)]
    pub out: OutArgs,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

/// Makes it, and writes its PEM.
pub async fn run(
    args: CreateArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    // Before the request is made: one that then cannot be written would be here all the same.
    let destination = args.out.destination(Destination::Stdout)?;
    let renewed = match &args.renew {
        Some(name) => Some(certs::find(connection, name).await?),
        None => None,
    };
    let copied = match (&renewed, &args.copy_from) {
        (Some(row), _) => Some(subject::copy_certificate(connection, row.id.clone()).await?),
        (None, Some(name)) => Some(subject::copy_either(connection, name).await?),
        (None, None) => None,
    };
    let unsaid = match renewed {
        Some(_) => Unsaid::SameKey,
        None => Unsaid::NewKey,
    };
    let key = key_choice::choose(&args.key, copied.as_ref(), unsaid, connection).await?;
    let name = args
        .name
        .or_else(|| Some(renewal_of(&copied.as_ref()?.friendly_name)));
    let name = name.unwrap_or_default();
    let (subject, names) = args.subject.over(copied.as_ref());
    let request = CreateRequestRequest {
        friendly_name: name.clone(),
        key: Some(key),
        subject: Some(subject),
        subject_alt_names: Some(names),
        renews_certificate_id: renewed.map(|row| row.id).unwrap_or_default(),
    };
    let mut csr = connection.csr();
    let answered = connection
        .command(request, &id, async |request| {
            csr.create_request(request).await
        })
        .await?;
    write(&args.out, &destination, &name, &answered, output)
}

fn write(
    out: &OutArgs,
    destination: &Destination,
    name: &str,
    answered: &CreateRequestResponse,
    output: Output,
) -> Result<(), ClientError> {
    eprintln!(
        "the request {} is kept under the id {}; send its PEM to a CA, and import the answer: chancery certs import FILE",
        answer::visible(name),
        answered.request_id
    );
    if *destination != Destination::Stdout || output == Output::Table {
        let own = format!("{}.csr", file_stem(name));
        let pem = format!("{}\n", answered.csr_pem.trim_end());
        let written = out.save(destination, &own, pem.as_bytes(), Readers::Everybody)?;
        if let Some(path) = written {
            eprintln!("its PEM is in {}", path.display());
        }
    }
    match output {
        Output::Json => answer::json(answered),
        Output::Table => Ok(()),
    }
}

/// "shop (renewal)", then "shop (renewal 2)" and so on, cut where it would be too long.
fn renewal_of(name: &str) -> String {
    let inner = name
        .strip_suffix(')')
        .and_then(|name| name.rsplit_once(" (renewal"));
    let before = inner.and_then(|(stem, number)| match number {
        "" => Some((stem, 1)),
        number => Some((stem, number.strip_prefix(' ')?.parse::<u32>().ok()?)),
    });
    let (stem, suffix) = match before {
        Some((stem, number)) => (stem, format!(" (renewal {})", number.saturating_add(1))),
        None => (name, " (renewal)".to_owned()),
    };
    let room = pki::FriendlyName::MAX - suffix.len();
    let stem = stem.chars().take(room).collect::<String>();
    format!("{}{suffix}", stem.trim_end())
}

/// The name with what has a meaning in paths taken out.
fn file_stem(name: &str) -> String {
    let plain = |c: char| match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        c if c.is_control() => '_',
        c => c,
    };
    let stem = name.chars().map(plain).collect::<String>();
    match stem.trim_start_matches('.') {
        "" => "request".to_owned(),
        stem => stem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renewals_name_counts_on() {
        for (name, renewal) in [
            ("shop", "shop (renewal)"),
            ("shop (renewal)", "shop (renewal 2)"),
            ("shop (renewal 2)", "shop (renewal 3)"),
            ("shop (2)", "shop (2) (renewal)"),
            ("shop (renewal x)", "shop (renewal x) (renewal)"),
        ] {
            assert_eq!(renewal_of(name), renewal);
        }
        let longest = "ü".repeat(pki::FriendlyName::MAX);
        let renewal = renewal_of(&longest);
        assert_eq!(renewal.chars().count(), pki::FriendlyName::MAX);
        pki::FriendlyName::try_from(renewal.as_str()).unwrap();
    }

    #[test]
    fn a_file_name_stays_in_its_folder() {
        for (name, stem) in [
            ("shop", "shop"),
            ("../shop", "_shop"),
            ("*.shop.example", "_.shop.example"),
            ("..", "request"),
        ] {
            assert_eq!(file_stem(name), stem);
        }
    }

    #[test]
    fn a_request_is_written_whole_and_into_a_folder_under_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let out = OutArgs {
            out: Some(folder.path().to_owned()),
            force: false,
        };
        let destination = out.destination(Destination::Stdout).unwrap();
        let answered = CreateRequestResponse {
            csr_pem: "-----BEGIN CERTIFICATE REQUEST-----\n".into(),
            ..CreateRequestResponse::default()
        };
        write(&out, &destination, "a/b", &answered, Output::Table).unwrap();
        let written = std::fs::read_to_string(folder.path().join("a_b.csr")).unwrap();
        assert_eq!(written, answered.csr_pem);
    }
}
