//! `certs import` and `keys import`: files in, a verdict for each.

mod files;
mod verdicts;

use std::{collections::BTreeSet, path::PathBuf};

use api::{
    csr::v1::{FetchIssuersRequest, FetchIssuersResponse},
    keystore::v1::{
        FileOutcome, FileVerdict, ImportFile, ImportRequest, ImportResponse, imported_item::Item,
    },
};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::{
    ClientError, Connection, answer, certs, connection::RequestId, passphrase::PassphraseArgs,
    terminal,
};
use crate::cli::Output;

/// `chancery certs import` and `chancery keys import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// PEM (any mix of blocks), DER, PKCS#7, PKCS#12, PKCS#8, PKCS#1, SEC1 or JKS; "-" is stdin.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// For the files that are encrypted.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// Let Chancery fetch issuers that a chain misses, from where their certificates say (http).
    #[arg(long)]
    pub fetch_issuers: bool,
}

/// The answer as JSON: that of the import, and what was fetched.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    import: &'a ImportResponse,
    #[serde(rename = "fetchedIssuers", skip_serializing_if = "Vec::is_empty")]
    fetched: &'a Vec<Fetched>,
}

/// What came of completing one certificate's chain.
#[derive(Serialize)]
struct Fetched {
    #[serde(rename = "certificateId")]
    certificate_id: String,
    #[serde(skip)]
    friendly_name: String,
    #[serde(flatten)]
    answer: FetchIssuersResponse,
}

/// Takes the files in, asks for passphrases where somebody is there to ask, and shows the verdicts.
///
/// # Errors
/// [`ClientError::NotDone`] where a file was not taken in; the others are here all the same.
pub async fn run(
    args: ImportArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    if args.passphrase.passphrase_stdin && args.files.iter().any(|path| files::is_stdin(path)) {
        return Err(ClientError::Usage {
            what: "stdin is a file (-) or a passphrase (--passphrase-stdin), not both".into(),
        });
    }
    let passphrase = args.passphrase.given()?;
    let readings = files::read(&args.files)?;
    let mut answer = first(connection, &readings, passphrase.as_ref()).await?;
    if passphrase.is_none()
        && terminal::can_ask()
        && unlock(connection, &readings, &mut answer).await?
    {
        refresh(connection, &mut answer).await?;
    }
    let mut fetched = Vec::new();
    let fetching = match args.fetch_issuers {
        true => fetch(connection, &answer.files, &mut fetched).await,
        false => Ok(()),
    };
    match output {
        Output::Json => answer::json(&Answer {
            import: &answer,
            fetched: &fetched,
        })?,
        Output::Table => show(&answer.files, &fetched)?,
    }
    fetching?;
    match (verdicts::left_out(&answer.files), answer.files.len()) {
        (0, _) => Ok(()),
        (left, all) => Err(ClientError::NotDone {
            what: format!("{left} of {all} files not taken in"),
        }),
    }
}

/// All files in one call. Where none can be read nothing is sent.
async fn first(
    connection: &Connection,
    readings: &[files::Reading],
    passphrase: Option<&SecretString>,
) -> Result<ImportResponse, ClientError> {
    let readable = readings.iter().flatten();
    let files = readable.map(|file| with_passphrase(file, passphrase));
    let files = files.collect::<Vec<_>>();
    let answer = match files.is_empty() {
        true => ImportResponse::default(),
        false => import(connection, files).await?,
    };
    let mut answered = answer.files.into_iter();
    let verdicts = readings.iter().map(|reading| match reading {
        Ok(file) => answered.next().unwrap_or_else(|| FileVerdict {
            name: file.name.clone(),
            ..FileVerdict::default()
        }),
        Err(refused) => FileVerdict::clone(refused),
    });
    Ok(ImportResponse {
        files: verdicts.collect(),
        position: answer.position,
    })
}

/// Asks for the passphrase of each file that needs one, and sends that file again; answers whether that helped.
async fn unlock(
    connection: &Connection,
    readings: &[files::Reading],
    answer: &mut ImportResponse,
) -> Result<bool, ClientError> {
    let mut helped = false;
    for (reading, verdict) in readings.iter().zip(&mut answer.files) {
        let Ok(file) = reading else { continue };
        for _ in 0..TRIES {
            if verdict.outcome() != FileOutcome::PassphraseNeeded {
                break;
            }
            let name = answer::visible(&file.name);
            let question = format!("passphrase of {name} (nothing: leave it out): ");
            let passphrase = terminal::secret(&question)?;
            if passphrase.expose_secret().is_empty() {
                break;
            }
            let again = vec![with_passphrase(file, Some(&passphrase))];
            let again = import(connection, again).await?;
            answer.position = answer.position.max(again.position);
            let Some(now) = again.files.into_iter().next() else {
                break;
            };
            match now.outcome() {
                FileOutcome::PassphraseNeeded => eprintln!("{}", answer::visible(&now.message)),
                _ => helped = true,
            }
            *verdict = now;
        }
    }
    Ok(helped)
}

async fn import(
    connection: &Connection,
    files: Vec<ImportFile>,
) -> Result<ImportResponse, ClientError> {
    let mut certificates = connection.certificates();
    let id = RequestId::new(None)?;
    connection
        .command(ImportRequest { files }, &id, async |request| {
            certificates.import(request).await
        })
        .await
}

fn with_passphrase(file: &ImportFile, passphrase: Option<&SecretString>) -> ImportFile {
    ImportFile {
        passphrase: passphrase.map(|passphrase| passphrase.expose_secret().to_owned()),
        ..file.clone()
    }
}

/// What the first files' verdicts say of keys and chains, once later files have come.
async fn refresh(connection: &Connection, answer: &mut ImportResponse) -> Result<(), ClientError> {
    let position = answer.position;
    let items = answer.files.iter_mut().flat_map(|file| &mut file.items);
    for item in items {
        let Some(Item::Certificate(certificate)) = &mut item.item else {
            continue;
        };
        let id = certificate.certificate_id.clone();
        let now = certs::get(connection, &id, position).await?;
        certificate.key_id = now.key_id;
        certificate.chain_complete = now.chain_complete;
        certificate.missing_issuer = now.missing_issuer;
        certificate.missing_issuer_url = now.missing_issuer_url;
    }
    Ok(())
}

/// Completes the chain of each certificate whose is not; one that cannot be completed does not keep the next from it.
///
/// # Errors
/// The first, after all were tried.
async fn fetch(
    connection: &Connection,
    verdicts: &[FileVerdict],
    fetched: &mut Vec<Fetched>,
) -> Result<(), ClientError> {
    let mut csr = connection.csr();
    let mut first = Ok(());
    let mut seen = BTreeSet::new();
    for certificate in verdicts::certificates(verdicts) {
        let id = &certificate.certificate_id;
        if certificate.chain_complete || !seen.insert(id.clone()) {
            continue;
        }
        let request = FetchIssuersRequest {
            certificate_id: id.clone(),
        };
        let command = RequestId::new(None)?;
        let answer = connection
            .command(request, &command, async |request| {
                csr.fetch_issuers(request).await
            })
            .await;
        match answer {
            Ok(answer) => fetched.push(Fetched {
                certificate_id: id.clone(),
                friendly_name: certificate.friendly_name.clone(),
                answer,
            }),
            Err(error) => first = first.and(Err(error)),
        }
    }
    first
}

fn show(files: &[FileVerdict], fetched: &[Fetched]) -> Result<(), ClientError> {
    answer::line(&verdicts::table(files))?;
    let unfetched = files.iter().cloned().map(|mut file| {
        file.items.retain(|item| match &item.item {
            Some(Item::Certificate(certificate)) => !fetched
                .iter()
                .any(|fetched| fetched.certificate_id == certificate.certificate_id),
            Some(Item::Key(_)) | None => false,
        });
        file
    });
    for warning in verdicts::warnings(&unfetched.collect::<Vec<_>>()) {
        eprintln!("warning: {warning}");
    }
    for Fetched {
        friendly_name,
        answer,
        ..
    } in fetched
    {
        let name = answer::visible(friendly_name);
        for issuer in &answer.issuers {
            eprintln!("{name}: fetched {}", answer::visible(&issuer.url));
        }
        match answer.chain_complete {
            true => eprintln!("{name}: the chain is complete"),
            false => eprintln!("warning: {name}: {}", answer::visible(&answer.message)),
        }
    }
    Ok(())
}

/// How often a passphrase is asked for.
const TRIES: u32 = 3;
