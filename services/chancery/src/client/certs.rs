//! `chancery certs`

use api::{
    projection::v1::{Certificate, GetRequest, ListRequest},
    x509::v1::SubjectAltNames,
};
use clap::Subcommand;
use time::OffsetDateTime;

use super::{
    ClientError, Connection, answer,
    list::{self, ListArgs},
};
use crate::cli::Output;

/// `chancery certs`
#[derive(Debug, Subcommand)]
pub enum CertsCommand {
    /// Certificates, a line each.
    #[command(
        after_help = "Fields: name, names (any DNS name or address), status, not_after, issuer, source, created.

Examples:
  chancery certs list
  chancery certs list --filter status=expiring --sort not_after
  chancery certs list --filter 'names:example not_after<2027-01-01' --output json"
    )]
    List(ListArgs),
    /// One certificate, by id, friendly name or SHA-256 fingerprint.
    #[command(
        after_help = "Examples:\n  chancery certs show www.example.com\n  chancery certs show 0199c1… --output json"
    )]
    Show {
        /// Id, friendly name or SHA-256 fingerprint.
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
        CertsCommand::List(args) => show_list(args, connection, output, now).await,
        CertsCommand::Show { certificate } => show(certificate, connection, output, now).await,
    }
}

async fn show_list(
    args: ListArgs,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    let mut queries = connection.queries();
    let request = ListRequest::from(args);
    let page = connection
        .ask(request, async |request| {
            queries.list_certificates(request).await
        })
        .await?;
    if output == Output::Json {
        return answer::json(&page);
    }
    let rows = page.certificates.iter().map(|row| {
        let certificate = row.certificate.as_ref();
        [
            row.friendly_name.clone(),
            answer::word(row.status().as_str_name(), "CERTIFICATE_STATUS_"),
            names(
                certificate.and_then(|c| c.subject_alt_names.as_ref()),
                SHORT,
            ),
            certificate
                .map(|c| answer::day(&c.not_after, now))
                .unwrap_or_default(),
            answer::word(row.source().as_str_name(), "SOURCE_"),
            row.id.clone(),
        ]
    });
    answer::table(
        ["name", "status", "names", "expires", "source", "id"],
        rows,
        "no certificates",
    )?;
    list::more(&page.next_page_token);
    Ok(())
}

async fn show(
    id: String,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    let mut queries = connection.queries();
    let request = GetRequest { id, at_least: 0 };
    let row = connection
        .ask(request, async |request| {
            queries.get_certificate(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&row),
        Output::Table => details(&row, now),
    }
}

fn details(row: &Certificate, now: OffsetDateTime) -> Result<(), ClientError> {
    let leaf = row.certificate.clone().unwrap_or_default();
    let chain = row
        .issuers
        .iter()
        .map(|issuer| issuer.subject.as_str())
        .collect::<Vec<_>>();
    answer::details([
        ("name", row.friendly_name.clone()),
        ("id", row.id.clone()),
        (
            "status",
            answer::word(row.status().as_str_name(), "CERTIFICATE_STATUS_"),
        ),
        ("names", names(leaf.subject_alt_names.as_ref(), usize::MAX)),
        ("subject", leaf.subject.clone()),
        ("issuer", leaf.issuer.clone()),
        ("chain", chain.join(" < ")),
        ("valid from", answer::time(&leaf.not_before)),
        ("valid until", answer::time(&leaf.not_after)),
        ("expires", answer::day(&leaf.not_after, now)),
        (
            "key",
            answer::word(leaf.key_algorithm().as_str_name(), "KEY_ALGORITHM_"),
        ),
        ("serial number", leaf.serial_number.clone()),
        ("sha-256", leaf.sha256_fingerprint.clone()),
        ("version", row.version.to_string()),
        (
            "source",
            answer::word(row.source().as_str_name(), "SOURCE_"),
        ),
        ("automation", row.automation_id.clone()),
        ("served", if row.serve { "yes" } else { "no" }.to_owned()),
        ("key id", row.key_id.clone()),
        ("created", answer::time(&row.created)),
        ("updated", answer::time(&row.updated)),
    ])
}

/// The names, and how many more there are.
fn names(names: Option<&SubjectAltNames>, most: usize) -> String {
    let Some(names) = names else {
        return String::new();
    };
    let all = names.dns_names.iter().chain(&names.ip_addresses);
    let all = all.map(String::as_str).collect::<Vec<_>>();
    let shown = all[..all.len().min(most)].join(", ");
    match all.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// How many names a line of a list shows.
const SHORT: usize = 3;
