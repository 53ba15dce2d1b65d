//! `chancery certs revoke`

use std::time::Duration;

use api::{
    acme::v1::{RevocationFailed, RevokeCertificateRequest},
    keystore::v1::MarkRevokedRequest,
    projection::v1::{Certificate, WatchEventsRequest},
    x509::v1::RevocationReason,
};
use clap::{Args, ValueEnum};

use super::{
    super::{ClientError, Connection, answer, connection::RequestId, events::Watch},
    find,
};
use crate::cli::Output;

/// `chancery certs revoke`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery certs revoke www.example.com --reason key-compromise
  chancery certs revoke www.example.com --reason superseded --version 3
  chancery certs revoke 'The shop 2025' --reason superseded --by-hand

Its CA is told, and again until it answers; that cannot be undone. A revoked certificate is served until another
takes its place: unless the automation is paused or cancelled, one with a new key is ordered at once.")]
pub struct RevokeArgs {
    /// Id, friendly name or SHA-256 fingerprint of a certificate.
    #[arg(value_name = "CERT")]
    pub certificate: String,
    /// Why, for everybody to see.
    #[arg(long, value_enum)]
    pub reason: Reason,
    /// Which version; the newest where it is left out.
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub version: Option<u32>,
    /// Only note that its CA has revoked it: for one that no automation got, and that you had revoked there.
    #[arg(long)]
    pub by_hand: bool,
    /// How long to wait for the CA; it goes on by itself after that.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
}

/// The reasons that CAs take from subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reason {
    /// None is given.
    Unspecified,
    /// Somebody else may have its key.
    KeyCompromise,
    /// Its names or organisation are no longer right.
    AffiliationChanged,
    /// Another certificate has taken its place.
    Superseded,
    /// What it was for has ended.
    CessationOfOperation,
}

impl From<Reason> for RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unspecified => Self::Unspecified,
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::AffiliationChanged => Self::AffiliationChanged,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
        }
    }
}

pub async fn revoke(
    args: RevokeArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let row = find(connection, &args.certificate).await?;
    if args.by_hand {
        return note(&args, row, connection, output).await;
    }
    if row.automation_id.is_empty() {
        return Err(ClientError::Input {
            what: format!(
                "no automation got {}: revoke it where it was issued, and note that here with --by-hand",
                row.friendly_name
            ),
        });
    }
    let request = RevokeCertificateRequest {
        automation_id: row.automation_id.clone(),
        version: args.version.unwrap_or_default(),
        reason: RevocationReason::from(args.reason).into(),
    };
    let mut acme = connection.acme();
    let id = RequestId::new(None)?;
    let answered = connection
        .command(request, &id, async |request| {
            acme.revoke_certificate(request).await
        })
        .await?;
    let ended = until_ended(connection, &row.automation_id, answered.position);
    match tokio::time::timeout(Duration::from_secs(args.timeout), ended).await {
        Ok(ended) => ended?,
        Err(_) => {
            return Err(ClientError::StillUnderWay {
                what: "the revocation".into(),
                seconds: args.timeout,
                look: format!("chancery acme show {}", row.automation_id),
            });
        }
    }
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => answer::line(&format!("{} is revoked", row.friendly_name)),
    }
}

/// Notes what was done at the CA.
async fn note(
    args: &RevokeArgs,
    row: Certificate,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let request = MarkRevokedRequest {
        certificate_id: row.id,
        version: args.version.unwrap_or_default(),
        reason: RevocationReason::from(args.reason).into(),
    };
    let mut certificates = connection.certificates();
    let id = RequestId::new(None)?;
    let answered = connection
        .command(request, &id, async |request| {
            certificates.mark_revoked(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => answer::line(&format!("{} is noted as revoked", row.friendly_name)),
    }
}

/// Waits until the CA has answered.
async fn until_ended(
    connection: &Connection,
    automation: &str,
    position: u64,
) -> Result<(), ClientError> {
    let request = WatchEventsRequest {
        after_sequence: position,
        only_new: false,
        filter: format!("aggregate=automation aggregate_id={automation}"),
    };
    let mut watch = Watch::new(connection, request);
    loop {
        let event = watch.next().await?;
        match event.event.as_str() {
            "revoked" => return Ok(()),
            "revocation-failed" => {
                let failed: RevocationFailed = answer::read_as(&event.body)?;
                let failure = failed.failure.unwrap_or_default();
                return Err(ClientError::Order(Box::new(failure)));
            }
            _ => {}
        }
    }
}
