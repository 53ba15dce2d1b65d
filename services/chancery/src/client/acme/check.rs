//! `chancery acme check`: what a request would need, and what stands in its way.

use std::{net::IpAddr, time::Duration};

use api::acme::v1::{ChallengeType, Check, CheckOutcome, CheckRequestRequest};
use clap::{Args, ValueEnum};
use serde::Serialize;
use tonic::Request;

use super::super::{ClientError, Connection, answer};
use crate::cli::Output;

/// `chancery acme check`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery acme check www.example.com example.com --server letsencrypt
  chancery acme check '*.example.com' --server letsencrypt --challenge dns-01 --dns-provider my-dns
  chancery acme check www.example.com --server letsencrypt --output json

Nothing is ordered. Exit status: 0 also with warnings, 1 when a check failed.")]
pub struct CheckArgs {
    /// Fully qualified host names, and IP addresses.
    #[arg(required = true, value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Id or name of a registered server.
    #[arg(long, value_name = "SERVER")]
    pub server: String,
    #[command(flatten)]
    pub proof: ProofArgs,
}

/// How control over the names is proved.
#[derive(Debug, Clone, Args)]
pub struct ProofArgs {
    /// How control over the names is proved.
    #[arg(long, value_enum, value_name = "TYPE", default_value_t = ChallengeKind::Http01)]
    pub challenge: ChallengeKind,
    /// Id or name of the DNS provider that writes the records of dns-01.
    #[arg(
        long,
        value_name = "PROVIDER",
        default_value = "",
        hide_default_value = true
    )]
    pub dns_provider: String,
}

/// The types of challenges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChallengeKind {
    /// A file at port 80 of the name.
    #[value(name = "http-01")]
    Http01,
    /// A TLS handshake at port 443 of the name.
    #[value(name = "tls-alpn-01")]
    TlsAlpn01,
    /// A TXT record; it alone can do wildcards.
    #[value(name = "dns-01")]
    Dns01,
}

impl From<ChallengeKind> for ChallengeType {
    fn from(kind: ChallengeKind) -> Self {
        match kind {
            ChallengeKind::Http01 => Self::Http01,
            ChallengeKind::TlsAlpn01 => Self::TlsAlpn01,
            ChallengeKind::Dns01 => Self::Dns01,
        }
    }
}

/// What came of all checks, as JSON.
#[derive(Serialize)]
struct Checks<'a> {
    checks: &'a [Check],
}

/// Shows each check as it comes and, at the end, what failed first.
pub async fn run(
    args: CheckArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let request = request(args.server, &args.hosts, &args.proof);
    let mut checks = Vec::new();
    watch(connection, request, |check| {
        if output == Output::Table {
            eprintln!("{}", line(&check));
        }
        checks.push(check);
    })
    .await?;
    // What stands in the way first; within that, in the order in which it was found.
    checks.sort_by_key(|check| std::cmp::Reverse(check.outcome));
    match output {
        Output::Json => answer::json(&Checks { checks: &checks })?,
        Output::Table => {
            let texts = checks.iter().map(whole).collect::<Vec<_>>();
            answer::line(&format!("\n{}", texts.join("\n")))?;
        }
    }
    match failed(&checks) {
        0 => Ok(()),
        count => Err(ClientError::NotDone {
            what: format!("{count} of {} checks failed", checks.len()),
        }),
    }
}

/// Checks before a request: what stands in the way is shown, and the request is made anyway.
pub async fn before_request(connection: &Connection, request: CheckRequestRequest) {
    let mut checks = Vec::new();
    let watched = watch(connection, request, |check| checks.push(check)).await;
    checks.retain(|check| check.outcome() != CheckOutcome::Passed);
    checks.sort_by_key(|check| std::cmp::Reverse(check.outcome));
    for check in &checks {
        eprintln!("{}", whole(check));
    }
    match watched {
        // What is wrong with the request itself, the request is told.
        Err(ClientError::Refused(_)) => {}
        Err(error) => eprintln!("the checks broke off ({error}); requesting anyway"),
        Ok(()) if checks.is_empty() => eprintln!("all checks passed"),
        Ok(()) => eprintln!("requesting anyway (--no-checks skips this)"),
    }
}

/// What is to be checked.
pub fn request(server: String, hosts: &[String], proof: &ProofArgs) -> CheckRequestRequest {
    let (ip_addresses, dns_names) = hosts
        .iter()
        .cloned()
        .partition(|host| host.parse::<IpAddr>().is_ok());
    CheckRequestRequest {
        server,
        dns_names,
        ip_addresses,
        challenge_type: ChallengeType::from(proof.challenge).into(),
        dns_provider: proof.dns_provider.clone(),
    }
}

async fn watch(
    connection: &Connection,
    request: CheckRequestRequest,
    mut each: impl FnMut(Check),
) -> Result<(), ClientError> {
    let mut request = Request::new(request);
    request.set_timeout(PATIENCE);
    let checks = connection.acme().check_request(request).await;
    let mut checks = checks.map_err(|s| connection.explain(s))?.into_inner();
    while let Some(check) = checks.message().await.map_err(|s| connection.explain(s))? {
        each(check);
    }
    Ok(())
}

fn failed(checks: &[Check]) -> usize {
    let failed = checks
        .iter()
        .filter(|c| c.outcome() == CheckOutcome::Failed);
    failed.count()
}

/// A check on one line: "failed   RESOLVES shop.example: …".
fn line(check: &Check) -> String {
    let outcome = answer::word(check.outcome().as_str_name(), "CHECK_OUTCOME_");
    let text = format!(
        "{outcome:<7}  {} {}: {}",
        check.kind, check.target, check.message
    );
    answer::visible(&text)
}

/// [`line()`], and what to do.
fn whole(check: &Check) -> String {
    let fixes = check.fixes.iter().zip(1..);
    let fixes = fixes.map(|(fix, n)| format!("           {n}. {}", answer::visible(fix)));
    let lines = std::iter::once(line(check)).chain(fixes);
    lines.collect::<Vec<_>>().join("\n")
}

/// A hundred names, a few at a time, ten seconds a check at most.
const PATIENCE: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_a_line_and_its_fixes_are_numbered() {
        let check = Check {
            kind: "RESOLVES".into(),
            target: "shop.example".into(),
            outcome: CheckOutcome::Failed.into(),
            message: "shop.example does not exist in the DNS.".into(),
            fixes: vec!["Add it.".into(), "Wait\u{1b}.".into()],
            took: None,
        };
        assert_eq!(
            whole(&check),
            "failed   RESOLVES shop.example: shop.example does not exist in the DNS.\n           1. Add it.\n           2. Wait\\u{1b}."
        );
    }

    #[test]
    fn addresses_are_told_from_names() {
        let proof = ProofArgs {
            challenge: ChallengeKind::Http01,
            dns_provider: String::new(),
        };
        let hosts = ["shop.example", "192.0.2.1", "2001:db8::1"].map(String::from);
        let request = request("pebble".into(), &hosts, &proof);
        assert_eq!(request.dns_names, ["shop.example"]);
        assert_eq!(request.ip_addresses, ["192.0.2.1", "2001:db8::1"]);
    }
}
