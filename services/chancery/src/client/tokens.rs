//! `chancery tokens`: what programs sign in with.

use api::gateway::v1::{
    ApiToken, CreateTokenRequest, ListTokensRequest, ListTokensResponse, RevokeTokenRequest,
};
use clap::{Args, Subcommand};

use super::{ClientError, Connection, answer, connection::RequestId, users::Role};
use crate::cli::Output;

/// `chancery tokens`
#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// Tokens that open: your own, and for an administrator all.
    #[command(
        after_help = "Examples:\n  chancery tokens list\n  chancery tokens list --output json"
    )]
    List,
    /// Make a token, and write it to stdout: it is never shown again.
    Create(CreateArgs),
    /// End a token at once, by id or name.
    #[command(
        after_help = "Examples:\n  chancery tokens revoke \"deploy of the shop\"

Calls with it are refused within a second, and its streams end: at other gateways within five."
    )]
    Revoke {
        /// Id or name.
        #[arg(value_name = "TOKEN")]
        token: String,
        /// The command's id, in place of a fresh one: the same id again is the same command.
        #[arg(long, value_name = "ID")]
        request_id: Option<String>,
    },
}

/// `chancery tokens create`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery tokens create \"deploy of the shop\" --role operator \\
      --certificates shop.example --certificates '*.shop.example' --key-export > shop.token
  chancery tokens create monitoring --role viewer --days 366 > monitoring.token
  chancery login https://chancery.example.com < shop.token

A certificate is the token's affair where all of its names are among --certificates: others it neither sees nor
renews nor exports, and what has to do with none (servers, users, events) is closed to it. A token shows in
the list when it was used last.")]
pub struct CreateArgs {
    /// What it is for; unique among tokens that open.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it may do.
    #[arg(long, value_enum, value_name = "ROLE")]
    pub role: Role,
    /// A name that it is for: "shop.example" is that name alone, "*.shop.example" all below it. May be given again;
    /// without it the token is for all certificates.
    #[arg(long, value_name = "NAME")]
    pub certificates: Vec<String>,
    /// It may export private keys.
    #[arg(long)]
    pub key_export: bool,
    /// How long it opens, 1 to 366 days.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// The command's id, in place of a fresh one. The same id again makes no second token: it shows a new text for
    /// it, and the one before opens nothing any more.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

/// `chancery tokens`
pub async fn run(
    command: TokensCommand,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    match command {
        TokensCommand::List => show_list(connection, output).await,
        TokensCommand::Create(args) => create(args, connection, output).await,
        TokensCommand::Revoke { token, request_id } => {
            revoke(token, request_id.as_deref(), connection, output).await
        }
    }
}

async fn list(connection: &Connection) -> Result<ListTokensResponse, ClientError> {
    let mut tokens = connection.tokens();
    let request = ListTokensRequest {};
    connection
        .ask(request, async |request| tokens.list_tokens(request).await)
        .await
}

async fn show_list(connection: &Connection, output: Output) -> Result<(), ClientError> {
    let list = list(connection).await?;
    if output == Output::Json {
        return answer::json(&list);
    }
    let rows = list.tokens.iter().map(|token| {
        [
            token.name.clone(),
            answer::word(token.role().as_str_name(), "ROLE_"),
            certificates(token),
            key_export(token),
            answer::time(&token.last_used),
            answer::time(&token.expires),
            token.token_id.clone(),
        ]
    });
    let headings = [
        "name",
        "role",
        "certificates",
        "exports keys",
        "last used",
        "expires",
        "id",
    ];
    answer::table(headings, rows, "no tokens")
}

async fn create(
    args: CreateArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let mut tokens = connection.tokens();
    let request = CreateTokenRequest {
        name: args.name,
        role: args.role.into(),
        certificate_filter: args.certificates,
        key_export: args.key_export,
        days: args.days,
    };
    let id = RequestId::new(args.request_id.as_deref())?;
    let created = connection
        .command(request, &id, async |request| {
            tokens.create_token(request).await
        })
        .await?;
    if output == Output::Json {
        return answer::json(&created);
    }
    let token = created.token.unwrap_or_default();
    eprintln!(
        "the token \"{}\" ({}) opens until {}; this is the only time that it is shown:",
        token.name,
        answer::word(token.role().as_str_name(), "ROLE_"),
        answer::time(&token.expires),
    );
    answer::line(&created.text)
}

async fn revoke(
    name: String,
    request_id: Option<&str>,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let known = list(connection).await?.tokens;
    let named = known.iter().find(|token| token.name == name);
    let token_id = named.map_or(name, |token| token.token_id.clone());
    let mut tokens = connection.tokens();
    let id = RequestId::new(request_id)?;
    let revoked = connection
        .command(RevokeTokenRequest { token_id }, &id, async |request| {
            tokens.revoke_token(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&revoked),
        Output::Table => answer::line("revoked: it opens nothing any more"),
    }
}

fn certificates(token: &ApiToken) -> String {
    match token.certificate_filter.as_slice() {
        [] => "all".to_owned(),
        names => names.join(", "),
    }
}

fn key_export(token: &ApiToken) -> String {
    match token.key_export {
        true => "yes".to_owned(),
        false => "no".to_owned(),
    }
}
