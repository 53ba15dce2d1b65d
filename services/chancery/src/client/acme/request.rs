//! `chancery acme request` and `retry`: the command, and then the order's steps as they happen.

use std::time::Duration;

use api::{
    acme::v1::{RenewNowRequest, RequestCertificateRequest},
    x509::v1::KeyAlgorithm,
};
use clap::Args;
use time::OffsetDateTime;

use super::{
    super::{ClientError, Connection, answer, connection::RequestId, key_choice::KeyKind},
    check::{self, ProofArgs},
    get, progress, show,
};
use crate::cli::Output;

/// `chancery acme request`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery acme request www.example.com example.com --server letsencrypt
  chancery acme request www.example.com --server letsencrypt --key rsa-2048 --name shop
  chancery acme request example.com '*.example.com' --server letsencrypt --challenge dns-01 --dns-provider home
  chancery acme request 192.0.2.7 --server letsencrypt --profile shortlived --challenge tls-alpn-01
  chancery acme request www.example.com --server letsencrypt --no-wait --output json

With http-01 each name must lead to this gateway on port 80: the CA looks there. What `chancery acme check`
finds is shown first, and the request is made anyway. The certificate is renewed by itself when a third of
its life is left (half, below 10 days), or when the CA says so, and the new version is served to the next
handshake.
With --output json the answer is the automation once the certificate is here, and with --no-wait that of the command.")]
pub struct RequestArgs {
    /// Fully qualified host names and addresses, the first for lists.
    #[arg(required = true, value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Id or name of a registered server.
    #[arg(long, value_name = "SERVER")]
    pub server: String,
    #[command(flatten)]
    pub proof: ProofArgs,
    /// Id or name of a second server, used after three failures in a row at the first.
    #[arg(
        long,
        value_name = "SERVER",
        default_value = "",
        hide_default_value = true
    )]
    pub fallback_server: String,
    /// The common name of the issuer at the top of the chain to prefer, where the CA offers several.
    #[arg(
        long,
        value_name = "ISSUER",
        default_value = "",
        hide_default_value = true
    )]
    pub preferred_chain: String,
    /// The kind of key.
    #[arg(long, value_enum, default_value_t = KeyKind::EcdsaP256)]
    pub key: KeyKind,
    /// Friendly name; the first host name where it is left out.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub name: String,
    /// The server's certificate profile; its default where it is left out.
    #[arg(
        long,
        value_name = "PROFILE",
        default_value = "",
        hide_default_value = true
    )]
    pub profile: String,
    /// Do not check first what stands in the way. Checks never keep a request from being made.
    #[arg(long)]
    pub no_checks: bool,
    #[command(flatten)]
    pub wait: WaitArgs,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

/// `chancery acme retry`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery acme retry www.example.com
  chancery acme retry www.example.com --no-wait --output json

Certificates renew by themselves, and failed orders are tried again; this does not wait for that.")]
pub struct RetryArgs {
    /// Id or friendly name of an automated certificate.
    #[arg(value_name = "AUTOMATION")]
    pub automation: String,
    #[command(flatten)]
    pub wait: WaitArgs,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

/// Whether to wait for the certificate.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// Return as soon as the command is taken.
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait for the certificate; the order goes on by itself after that.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        conflicts_with = "no_wait"
    )]
    pub timeout: u64,
}

pub async fn request(
    args: RequestArgs,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    let asked = check::request(args.server, &args.hosts, &args.proof);
    if !args.no_checks {
        check::before_request(connection, asked.clone()).await;
    }
    let request = RequestCertificateRequest {
        server: asked.server,
        dns_names: asked.dns_names,
        ip_addresses: asked.ip_addresses,
        key_algorithm: KeyAlgorithm::from(args.key).into(),
        challenge_type: asked.challenge_type,
        dns_provider: asked.dns_provider,
        friendly_name: args.name,
        profile: args.profile,
        fallback_server: args.fallback_server,
        preferred_chain: args.preferred_chain,
    };
    let mut acme = connection.acme();
    let answered = connection
        .command(request, &id, async |request| {
            acme.request_certificate(request).await
        })
        .await?;
    if args.wait.no_wait {
        return match output {
            Output::Json => answer::json(&answered),
            Output::Table => {
                eprintln!(
                    "asked for; look with: chancery acme show {}",
                    answered.automation_id
                );
                answer::line(&answered.automation_id)
            }
        };
    }
    let automation = &answered.automation_id;
    follow(
        connection,
        automation,
        answered.position,
        args.wait.timeout,
        output,
        now,
    )
    .await
}

pub async fn retry(
    args: RetryArgs,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    let automation = get(connection, &args.automation, 0).await?;
    let request = RenewNowRequest {
        automation_id: automation.id.clone(),
    };
    let mut acme = connection.acme();
    let answered = connection
        .command(request, &id, async |request| acme.renew_now(request).await)
        .await?;
    if args.wait.no_wait {
        return match output {
            Output::Json => answer::json(&answered),
            Output::Table => {
                eprintln!("asked for; look with: chancery acme show {}", automation.id);
                Ok(())
            }
        };
    }
    follow(
        connection,
        &automation.id,
        answered.position,
        args.wait.timeout,
        output,
        now,
    )
    .await
}

/// Shows the steps from the command's event on, then the automation as it stands at the end.
async fn follow(
    connection: &Connection,
    automation: &str,
    position: u64,
    seconds: u64,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    let steps = progress::until_ended(connection, automation, position);
    let ended = match tokio::time::timeout(Duration::from_secs(seconds), steps).await {
        Ok(ended) => ended?,
        Err(_) => {
            return Err(ClientError::StillUnderWay {
                what: "the order".into(),
                seconds,
                look: format!("chancery acme show {automation}"),
            });
        }
    };
    let row = get(connection, automation, ended).await?;
    show(&row, output, now)
}
