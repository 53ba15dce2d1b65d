//! `chancery acme dns-providers`

use std::{
    collections::HashMap,
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::Path,
};

use api::{
    acme::v1::{
        AddDnsProviderRequest, DnsProviderField, DnsProviderKind, ListDnsProviderKindsRequest,
        RemoveDnsProviderRequest, TestDnsProviderRequest,
    },
    projection::v1::ListRequest,
};
use clap::{Args, Subcommand};
use secrecy::ExposeSecret as _;

use super::super::{
    ClientError, Connection, answer,
    connection::RequestId,
    list::{self, ListArgs},
    terminal::{self, Consent},
};
use crate::cli::Output;

/// `chancery acme dns-providers`
#[derive(Debug, Subcommand)]
pub enum DnsProvidersCommand {
    /// The kinds of provider; with a kind, what it needs to be told.
    #[command(
        after_help = "Examples:\n  chancery acme dns-providers kinds\n  chancery acme dns-providers kinds rfc2136"
    )]
    Kinds {
        /// The id of a kind.
        #[arg(value_name = "KIND")]
        kind: Option<String>,
    },
    /// Keep a provider that writes the records of DNS-01.
    Add(AddArgs),
    /// DNS providers, a line each.
    #[command(
        after_help = "Fields: name, kind, created.\n\nExamples:\n  chancery acme dns-providers list --output json"
    )]
    List(ListArgs),
    /// Write a record, wait until the zone's own servers show it, and take it away.
    #[command(after_help = "Examples:\n  chancery acme dns-providers test home www.example.com")]
    Test {
        /// Id or name.
        #[arg(value_name = "PROVIDER")]
        provider: String,
        /// A host name in a zone that the provider serves.
        #[arg(value_name = "HOST")]
        host: String,
    },
    /// Forget a provider and its secrets; refused while an automated certificate uses it.
    #[command(after_help = "Examples:\n  chancery acme dns-providers remove home --yes")]
    Remove {
        /// Id or name.
        #[arg(value_name = "PROVIDER")]
        provider: String,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
}

/// `chancery acme dns-providers add`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery acme dns-providers add home --kind rfc2136 --set server=ns1.example.com \\
      --set tsig_key_name=chancery --secret-file tsig_secret=tsig.secret
  chancery acme dns-providers add cf --kind cloudflare --secret-file api_token=- < token

`chancery acme dns-providers kinds KIND` says what a kind needs. A secret that no file is named for is asked for,
where there is a terminal. It is never an argument: every user of the machine can see those.")]
pub struct AddArgs {
    /// What it is called here, unique among DNS providers.
    pub name: String,
    /// The id of its kind.
    #[arg(long, value_name = "KIND")]
    pub kind: String,
    /// A setting that is no secret; may be given several times.
    #[arg(long, value_name = "FIELD=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// The file that a secret is in; "-" reads it from stdin. May be given several times.
    #[arg(long, value_name = "FIELD=FILE", value_parser = pair)]
    pub secret_file: Vec<(String, String)>,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

pub async fn run(
    command: DnsProvidersCommand,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    match command {
        DnsProvidersCommand::Kinds { kind } => show_kinds(kind, connection, output).await,
        DnsProvidersCommand::Add(args) => add(args, connection, output).await,
        DnsProvidersCommand::List(args) => show_list(args, connection, output).await,
        DnsProvidersCommand::Test { provider, host } => {
            test(provider, host, connection, output).await
        }
        DnsProvidersCommand::Remove { provider, yes } => {
            remove(provider, yes, connection, output).await
        }
    }
}

async fn kinds(connection: &Connection) -> Result<Vec<DnsProviderKind>, ClientError> {
    let mut providers = connection.dns_providers();
    let request = ListDnsProviderKindsRequest {};
    let answered = connection
        .ask(request, async |request| {
            providers.list_dns_provider_kinds(request).await
        })
        .await?;
    Ok(answered.kinds)
}

async fn kind(connection: &Connection, id: &str) -> Result<DnsProviderKind, ClientError> {
    let mut kinds = kinds(connection).await?.into_iter();
    kinds
        .find(|kind| kind.id == id)
        .ok_or_else(|| ClientError::Usage {
            what: format!("there is no kind {id:?}; see: chancery acme dns-providers kinds"),
        })
}

async fn show_kinds(
    id: Option<String>,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let Some(id) = id else {
        let kinds = kinds(connection).await?;
        if output == Output::Json {
            return answer::json(&kinds);
        }
        let rows = kinds.into_iter().map(|kind| {
            let fields = kind.fields.iter().map(|field| field.id.as_str());
            let fields = fields.collect::<Vec<_>>().join(", ");
            [kind.id, kind.name, fields]
        });
        return answer::table(["kind", "name", "fields"], rows, "no kinds");
    };
    let kind = kind(connection, &id).await?;
    if output == Output::Json {
        return answer::json(&kind);
    }
    let rows = kind.fields.into_iter().map(|field| {
        let need = match (field.required, field.secret) {
            (true, true) => "secret",
            (true, false) => "needed",
            (false, true) => "secret, optional",
            (false, false) => "optional",
        };
        [field.id, need.to_owned(), field.label, field.help]
    });
    answer::table(["field", "", "label", "what to give"], rows, "no fields")
}

async fn add(args: AddArgs, connection: &Connection, output: Output) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    let kind = kind(connection, &args.kind).await?;
    let settings = settings(&kind, &args)?;
    let request = AddDnsProviderRequest {
        name: args.name.clone(),
        kind: kind.id,
        settings,
    };
    let mut providers = connection.dns_providers();
    let answered = connection
        .command(request, &id, async |request| {
            providers.add_dns_provider(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => {
            eprintln!(
                "added; now: chancery acme dns-providers test {} HOST",
                args.name
            );
            answer::line(&answered.dns_provider_id)
        }
    }
}

/// What was given on the command line, in files and at the prompt.
fn settings(
    kind: &DnsProviderKind,
    args: &AddArgs,
) -> Result<HashMap<String, String>, ClientError> {
    let is_secret = |id: &str| kind.fields.iter().any(|f| f.id == *id && f.secret);
    let mut settings = HashMap::new();
    for (field, value) in &args.set {
        if is_secret(field) {
            return Err(ClientError::Usage {
                what: format!(
                    "{field} is a secret, and every user of the machine can see arguments: --secret-file {field}=FILE, or leave it out to be asked"
                ),
            });
        }
        settings.insert(field.clone(), value.clone());
    }
    for (field, file) in &args.secret_file {
        settings.insert(field.clone(), read_secret(Path::new(file))?);
    }
    for field in &kind.fields {
        if field.secret && field.required && !settings.contains_key(&field.id) {
            settings.insert(field.id.clone(), ask(field)?);
        }
    }
    Ok(settings)
}

fn ask(field: &DnsProviderField) -> Result<String, ClientError> {
    if !terminal::can_ask() {
        return Err(ClientError::Usage {
            what: format!(
                "{} is needed, and there is no terminal to ask on: --secret-file {}=FILE",
                field.id, field.id
            ),
        });
    }
    let secret = terminal::secret(&format!("{}: ", field.label))?;
    Ok(secret.expose_secret().to_owned())
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
            queries.list_dns_providers(request).await
        })
        .await?;
    if output == Output::Json {
        return answer::json(&page);
    }
    let rows = page.dns_providers.iter().map(|row| {
        let mut settings = row.settings.iter().collect::<Vec<_>>();
        settings.sort();
        let settings = settings
            .iter()
            .map(|(field, value)| format!("{field}={value}"));
        [
            row.name.clone(),
            row.kind.clone(),
            settings.collect::<Vec<_>>().join(" "),
            row.automation_ids.len().to_string(),
            answer::time(&row.created),
            row.id.clone(),
        ]
    });
    answer::table(
        ["name", "kind", "settings", "certificates", "created", "id"],
        rows,
        "no DNS providers",
    )?;
    list::more(&page.next_page_token);
    Ok(())
}

async fn test(
    dns_provider: String,
    dns_name: String,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let request = TestDnsProviderRequest {
        dns_provider,
        dns_name,
    };
    let mut providers = connection.dns_providers();
    eprintln!("writing a record, and asking the zone's servers for it");
    let answered = connection
        .ask(request, async |request| {
            providers.test_dns_provider(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => answer::line(&format!(
            "it works: every server of {} showed {}, which is taken away again",
            answered.zone, answered.record
        )),
    }
}

async fn remove(
    asked: String,
    yes: bool,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    if !yes {
        if !terminal::can_ask() {
            return Err(ClientError::Usage {
                what: "there is no terminal to ask on: say --yes".into(),
            });
        }
        let question = format!("Forget the DNS provider {asked} and its secrets?");
        if !terminal::agrees(&question, Consent::Short)? {
            return Err(ClientError::NotDone {
                what: "nothing was removed".into(),
            });
        }
    }
    let id = RequestId::new(None)?;
    let request = RemoveDnsProviderRequest {
        dns_provider_id: self::id(&asked, connection).await?,
    };
    let mut providers = connection.dns_providers();
    let answered = connection
        .command(request, &id, async |request| {
            providers.remove_dns_provider(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => answer::line(&format!("{asked} is forgotten")),
    }
}

/// The id of the provider that is called so; what is none's name may be an id.
async fn id(asked: &str, connection: &Connection) -> Result<String, ClientError> {
    let mut queries = connection.queries();
    let request = ListRequest {
        page_size: 500,
        ..ListRequest::default()
    };
    let page = connection
        .ask(request, async |request| {
            queries.list_dns_providers(request).await
        })
        .await?;
    let mut providers = page.dns_providers.into_iter();
    let named = providers.find(|row| row.name.to_lowercase() == asked.to_lowercase());
    Ok(named.map_or_else(|| asked.to_owned(), |row| row.id))
}

/// A secret from a file or, for "-", from stdin; without the line's end.
fn read_secret(file: &Path) -> Result<String, ClientError> {
    let text = if file == Path::new("-") {
        if io::stdin().is_terminal() {
            // What is typed there would be shown.
            let what = "stdin is a terminal: leave the secret out to be asked".into();
            return Err(ClientError::Usage { what });
        }
        let mut text = String::new();
        let read = io::stdin().read_to_string(&mut text);
        read.map_err(ClientError::reading("the secret from stdin"))?;
        text
    } else {
        fs::read_to_string(file).map_err(ClientError::reading(file))?
    };
    Ok(text.trim().to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or("it has no \"=\" in it")?;
    Ok((field.to_owned(), value.to_owned()))
}
