//! `chancery requests`

mod create;

use api::{
    csr::v1::DeleteRequestsRequest,
    projection::v1::{CertificateRequest, GetRequest, ListRequest},
};
use clap::Subcommand;

pub use self::create::CreateArgs;
use super::{
    ClientError, Connection, answer,
    as_of::AsOfArgs,
    connection::RequestId,
    deletion::{self, DeletionArgs, Noun},
    list::{self, ListArgs},
    names,
};
use crate::cli::Output;

/// `chancery requests`
#[derive(Debug, Subcommand)]
pub enum RequestsCommand {
    /// Make a certificate request (CSR) to send to a CA.
    Create(Box<CreateArgs>),
    /// Certificate requests, a line each.
    #[command(
        after_help = "Fields: name, names (any DNS name or address), status (pending, fulfilled), created.

Examples:
  chancery requests list
  chancery requests list --filter status=pending --output json"
    )]
    List(ListArgs),
    /// One certificate request, by id, or by friendly name while it is pending.
    #[command(
        after_help = "Examples:\n  chancery requests show shop\n  chancery requests show shop --pem > shop.csr"
    )]
    Show {
        /// Id, or friendly name while it is pending.
        #[arg(value_name = "REQUEST")]
        request: String,
        /// The request itself (PEM) and nothing else.
        #[arg(long)]
        pem: bool,
        #[command(flatten)]
        as_of: AsOfArgs,
    },
    /// Delete certificate requests; their keys stay.
    #[command(after_help = "Examples:
  chancery requests delete shop
  chancery requests delete shop lab --dry-run
  chancery requests delete shop --yes

What would go is shown first, and asked about. A certificate that comes for a deleted request is imported like any
other, under a name of its own.")]
    Delete {
        /// Id, or friendly name while it is pending.
        #[arg(value_name = "REQUEST", required = true)]
        requests: Vec<String>,
        #[command(flatten)]
        deletion: DeletionArgs,
    },
}

/// `chancery requests`
pub async fn run(
    command: RequestsCommand,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    match command {
        RequestsCommand::Create(args) => create::run(*args, connection, output).await,
        RequestsCommand::List(args) => show_list(args, connection, output).await,
        RequestsCommand::Show {
            request,
            pem,
            as_of,
        } => {
            let request = GetRequest {
                id: request,
                as_of: as_of.moment,
                ..GetRequest::default()
            };
            let row = ask(connection, request).await?;
            match pem {
                true => answer::line(row.csr_pem.trim_end()),
                false => show(&row, output),
            }
        }
        RequestsCommand::Delete { requests, deletion } => {
            delete(&requests, &deletion, connection, output).await
        }
    }
}

/// The request with this id or, while it is pending, friendly name.
pub async fn find(connection: &Connection, name: &str) -> Result<CertificateRequest, ClientError> {
    let request = GetRequest {
        id: name.to_owned(),
        ..GetRequest::default()
    };
    ask(connection, request).await
}

async fn ask(
    connection: &Connection,
    request: GetRequest,
) -> Result<CertificateRequest, ClientError> {
    let mut queries = connection.queries();
    connection
        .ask(request, async |request| {
            queries.get_certificate_request(request).await
        })
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
        .ask(request, async |request| {
            queries.list_certificate_requests(request).await
        })
        .await?;
    if output == Output::Json {
        return answer::json(&page);
    }
    let rows = page.requests.iter().map(|row| {
        [
            row.friendly_name.clone(),
            answer::word(row.status().as_str_name(), "REQUEST_STATUS_"),
            names::list(row.subject_alt_names.as_ref(), names::SHORT),
            answer::word(row.key_algorithm().as_str_name(), "KEY_ALGORITHM_"),
            answer::time(&row.created),
            row.id.clone(),
        ]
    });
    answer::table(
        ["name", "status", "names", "key", "created", "id"],
        rows,
        "no certificate requests",
    )?;
    list::more(&page.next_page_token);
    Ok(())
}

fn show(row: &CertificateRequest, output: Output) -> Result<(), ClientError> {
    if output == Output::Json {
        return answer::json(row);
    }
    let subject = row.subject.clone().unwrap_or_default();
    answer::details([
        ("name", row.friendly_name.clone()),
        ("id", row.id.clone()),
        (
            "status",
            answer::word(row.status().as_str_name(), "REQUEST_STATUS_"),
        ),
        (
            "names",
            names::list(row.subject_alt_names.as_ref(), usize::MAX),
        ),
        ("common name", subject.common_name),
        ("organization", subject.organization),
        ("unit", subject.organizational_unit),
        ("locality", subject.locality),
        ("state", subject.state_or_province),
        ("country", subject.country),
        ("e-mail", subject.email_address),
        (
            "key",
            answer::word(row.key_algorithm().as_str_name(), "KEY_ALGORITHM_"),
        ),
        (
            "key id",
            match row.key_id.as_str() {
                "" => "its private key was destroyed".to_owned(),
                id => id.to_owned(),
            },
        ),
        ("public key", row.spki_sha256.clone()),
        ("renews", row.renews_certificate_id.clone()),
        ("certificate", row.certificate_id.clone()),
        ("created", answer::time(&row.created)),
        ("fulfilled", answer::time(&row.fulfilled)),
    ])?;
    answer::line(&format!("\n{}", row.csr_pem.trim_end()))
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
        one: "request",
        many: "requests",
        for_good: None,
    };
    deletion::run(args, noun, ids, output, async |request_ids, dry_run| {
        let request = DeleteRequestsRequest {
            request_ids,
            dry_run,
        };
        let mut csr = connection.csr();
        let id = RequestId::new(None)?;
        connection
            .command(request, &id, async |request| {
                csr.delete_requests(request).await
            })
            .await
    })
    .await
}
