//! FetchIssuers: a person asks that the issuers which a chain misses be fetched from where the
//! certificates themselves say (RFC 5280, section 4.2.2.1).
//!
//! A stranger wrote that address into a certificate: so nothing is fetched unasked, it is plain http to
//! a public address (the way out sees to that, and to size and time), and what comes is imported as any
//! file is, which takes nothing on trust.

use std::time::Duration;

use api::{
    csr::v1::FetchedIssuer,
    keystore::v1::{FileOutcome, FileVerdict, ImportFile},
};
use bytes::Bytes;
use eventlog::Origin;
use pki::Certificate;
use runtime::egress::Client;
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{
    certificate::{self, Known},
    refusal::Refusal,
};

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fetched {
    /// What was fetched, in order.
    pub issuers: Vec<FetchedIssuer>,
    /// Why the chain could not be completed; `None`: it ends in a self-signed certificate.
    pub missing: Option<String>,
    /// The log's position of the last event; 0 where nothing was new.
    pub position: u64,
}

impl Commands {
    /// Fetches and imports one issuer after another, until the chain is complete or there is no going on.
    ///
    /// # Errors
    /// See [`CommandError`]. That an issuer cannot be had is no error: [`Fetched::missing`] says why.
    pub async fn fetch_issuers(&self, origin: &Origin, id: Uuid) -> Result<Fetched, CommandError> {
        let client = self.egress.client::<&[u8]>(&[]);
        let client = client.map_err(CommandError::Egress)?;
        let mut fetched = Fetched::default();
        for _ in 0..MAX_HOPS {
            let top = match top(&self.known(id).await?)? {
                top if top.self_signed => return Ok(fetched),
                top => top,
            };
            let step = self.fetch_issuer(origin, &client, &top, &mut fetched);
            if let Err(Missing(why)) = step.await? {
                fetched.missing = Some(why);
                return Ok(fetched);
            }
            if self::top(&self.known(id).await?)? == top {
                let what = "What was fetched is not the issuer of";
                fetched.missing = Some(format!("{what} {}.", called(&top)));
                return Ok(fetched);
            }
        }
        if !top(&self.known(id).await?)?.self_signed {
            let why = format!("After {MAX_HOPS} issuers the chain still has no end.");
            fetched.missing = Some(why);
        }
        Ok(fetched)
    }

    /// Fetches and imports the issuer of one certificate.
    async fn fetch_issuer(
        &self,
        origin: &Origin,
        client: &Client,
        top: &Certificate,
        fetched: &mut Fetched,
    ) -> Result<Result<(), Missing>, CommandError> {
        let Some(url) = top.ca_issuers_url() else {
            let why =
                "does not say where its issuer's certificate is to be had; import that by hand.";
            return Ok(Err(Missing(format!("{} {why}", called(top)))));
        };
        let content = match get(client, &url).await {
            Ok(content) => content,
            Err(missing) => return Ok(Err(missing)),
        };
        let file = ImportFile {
            name: shown(&url),
            content,
            passphrase: None,
        };
        let (verdict, position) = self.keystore.import(origin, file).await?;
        fetched.position = fetched.position.max(position);
        let taken = is_here(&verdict);
        let why = format!("What is at {}: {}", shown(&url), verdict.message);
        fetched.issuers.push(FetchedIssuer {
            url,
            verdict: Some(verdict),
        });
        Ok(taken.then_some(()).ok_or(Missing(why)))
    }

    async fn known(&self, id: Uuid) -> Result<Known, CommandError> {
        let known = certificate::load(&self.log, id).await;
        let known = known.map_err(CommandError::Log)?;
        let known = known.ok_or(Refusal::NoSuchCertificate)?;
        match known.deleted {
            true => Err(Refusal::CertificateDeleted.into()),
            false => Ok(known),
        }
    }
}

/// Why an issuer could not be had, for people.
struct Missing(String);

async fn get(client: &Client, url: &str) -> Result<Bytes, Missing> {
    match tokio::time::timeout(ANSWER_WAIT, client.get(url)).await {
        Ok(Ok(answer)) if answer.status().is_success() => Ok(answer.into_body()),
        Ok(Ok(answer)) => {
            let status = answer.status().as_u16();
            let why = format!("{} answers with status {status}.", shown(url));
            Err(Missing(why))
        }
        Ok(Err(error)) => Err(Missing(format!("{error}."))),
        Err(_) => {
            let seconds = ANSWER_WAIT.as_secs();
            let why = format!("{} did not answer within {seconds} s.", shown(url));
            Err(Missing(why))
        }
    }
}

/// The last certificate of the chain as it is known now.
fn top(known: &Known) -> Result<Certificate, CommandError> {
    let last = known.issuers.last().unwrap_or(&known.certificate);
    Certificate::parse(&last.der).map_err(CommandError::Unreadable)
}

fn is_here(verdict: &FileVerdict) -> bool {
    match verdict.outcome() {
        FileOutcome::Imported | FileOutcome::AlreadyHere => true,
        FileOutcome::Unspecified | FileOutcome::PassphraseNeeded | FileOutcome::Refused => false,
    }
}

/// What people call a certificate of a chain.
fn called(certificate: &Certificate) -> String {
    match certificate.subject.as_str() {
        "" => "The certificate".to_owned(),
        subject => format!("\"{}\"", shown(subject)),
    }
}

/// A stranger's text, as much of it as an answer repeats.
fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

/// How long each place may take: all of them together take less than a call may.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Chains of public CAs have two or three issuers.
const MAX_HOPS: usize = 5;

/// In characters: what a file's name may have.
const MAX_SHOWN: usize = 255;
