//! `chancery notify channels`

mod listing;

use api::notifier::v1::{
    Channel, CreateChannelRequest, DeleteChannelRequest, EmailSettings, GetChannelRequest, Rule,
    TestChannelRequest, UpdateChannelRequest, WebhookSettings, channel, create_channel_request,
    update_channel_request,
};
use clap::{Args, Subcommand};

use super::{
    super::{
        ClientError, Connection, answer,
        connection::RequestId,
        list::ListArgs,
        terminal::{self, Consent},
    },
    settings::{EmailArgs, RootsArgs, RuleArgs, WebhookArgs},
};
use crate::cli::Output;

/// `chancery notify channels`
#[derive(Debug, Subcommand)]
pub enum ChannelsCommand {
    /// Channels, a line each, without their addresses.
    #[command(after_help = "Fields: name, kind (email, webhook), created.

Examples:
  chancery notify channels list
  chancery notify channels list --filter kind=email --output json")]
    List(ListArgs),
    /// Add a channel; send a test message to it afterwards.
    Add(Box<AddArgs>),
    /// One channel with its addresses, by id or name. Secrets are not shown.
    #[command(after_help = "Examples:\n  chancery notify channels show operations")]
    Show {
        /// Id or name.
        #[arg(value_name = "CHANNEL")]
        channel: String,
    },
    /// Change a channel: what is left out stays as it is.
    Update(Box<UpdateArgs>),
    /// Send a test message now, and show what the other side answers.
    #[command(after_help = "Examples:\n  chancery notify channels test operations")]
    Test {
        /// Id or name.
        #[arg(value_name = "CHANNEL")]
        channel: String,
    },
    /// Remove a channel, with its addresses and secrets.
    #[command(
        after_help = "Examples:\n  chancery notify channels remove operations\n  chancery notify channels remove operations --yes"
    )]
    Remove {
        /// Id or name.
        #[arg(value_name = "CHANNEL")]
        channel: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        /// The same id again is the same command, however late; a fresh one where it is left out.
        #[arg(long, value_name = "ID")]
        request_id: Option<String>,
    },
}

/// `chancery notify channels add`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery notify channels add operations --email ops@example.com --smtp smtp.example.com \\
      --from chancery@example.com --username chancery --password-file smtp.pass
  chancery notify channels add errors --email night@example.com --smtp localhost --smtp-security none \\
      --from chancery@example.com --minimum-severity error
  chancery notify channels add pager --webhook --url-file hook.url --signing-secret-file hook.key")]
pub struct AddArgs {
    /// What it is called, unique among channels.
    pub name: String,
    #[command(flatten)]
    pub roots: RootsArgs,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
    // Each of these has a heading of its own, under which all that follows it would stand.
    #[command(flatten)]
    pub rule: RuleArgs,
    #[command(flatten)]
    pub email: EmailArgs,
    #[command(flatten)]
    pub webhook: WebhookArgs,
}

/// `chancery notify channels update`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery notify channels update operations --email ops@example.com --email second@example.com
  chancery notify channels update operations --minimum-severity info --digest
  chancery notify channels update operations --digest false --name everything
  chancery notify channels update pager --signing-secret-file new.key")]
pub struct UpdateArgs {
    /// Id or name.
    #[arg(value_name = "CHANNEL")]
    pub channel: String,
    /// Another name for it.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub roots: RootsArgs,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
    // Each of these has a heading of its own, under which all that follows it would stand.
    #[command(flatten)]
    pub rule: RuleArgs,
    #[command(flatten)]
    pub email: EmailArgs,
    #[command(flatten)]
    pub webhook: WebhookArgs,
}

/// `chancery notify channels`
pub async fn run(
    command: ChannelsCommand,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    match command {
        ChannelsCommand::List(args) => listing::show_list(args, connection, output).await,
        ChannelsCommand::Add(args) => add(*args, connection, output).await,
        ChannelsCommand::Show { channel } => {
            let channel = get(connection, channel).await?;
            show(&channel, output)
        }
        ChannelsCommand::Update(args) => update(*args, connection, output).await,
        ChannelsCommand::Test { channel } => test(channel, connection, output).await,
        ChannelsCommand::Remove {
            channel,
            yes,
            request_id,
        } => remove(channel, yes, request_id.as_deref(), connection, output).await,
    }
}

async fn add(args: AddArgs, connection: &Connection, output: Output) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    let mut rule = Rule::default();
    args.rule.change(&mut rule);
    let settings = if args.webhook.webhook {
        let mut hook = WebhookSettings::default();
        args.webhook.change(&mut hook, true, &args.roots)?;
        create_channel_request::Settings::Webhook(hook)
    } else if args.email.email.is_empty() {
        let what = "say where messages go: --email ADDRESS or --webhook".into();
        return Err(ClientError::Usage { what });
    } else {
        let mut email = EmailSettings::default();
        args.email.change(&mut email, &args.roots)?;
        create_channel_request::Settings::Email(email)
    };
    let request = CreateChannelRequest {
        name: args.name.clone(),
        rule: Some(rule),
        settings: Some(settings),
    };
    let mut notifier = connection.notifier();
    let answered = connection
        .command(request, &id, async |request| {
            notifier.create_channel(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => {
            eprintln!("added; now: chancery notify channels test {}", args.name);
            answer::details([("id", answered.channel_id)])
        }
    }
}

async fn update(
    args: UpdateArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    let channel = get(connection, args.channel.clone()).await?;
    let mut rule = channel.rule.unwrap_or_default();
    args.rule.change(&mut rule);
    let settings = match channel.settings {
        Some(channel::Settings::Webhook(mut hook)) => {
            args.webhook.change(&mut hook, false, &args.roots)?;
            update_channel_request::Settings::Webhook(hook)
        }
        Some(channel::Settings::Email(mut email)) => {
            args.email.change(&mut email, &args.roots)?;
            update_channel_request::Settings::Email(email)
        }
        None => {
            let what = format!(
                "{} is a channel of a kind that this version does not know",
                args.channel
            );
            return Err(ClientError::Input { what });
        }
    };
    let request = UpdateChannelRequest {
        channel_id: channel.id,
        name: args.name.unwrap_or(channel.name),
        rule: Some(rule),
        settings: Some(settings),
    };
    let mut notifier = connection.notifier();
    let answered = connection
        .command(request, &id, async |request| {
            notifier.update_channel(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => {
            eprintln!("changed");
            Ok(())
        }
    }
}

async fn test(channel: String, connection: &Connection, output: Output) -> Result<(), ClientError> {
    let mut notifier = connection.notifier();
    let request = TestChannelRequest { channel };
    let answered = connection
        .ask(request, async |request| {
            notifier.test_channel(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => answer::line(&answer::visible(&answered.answer)),
    }
}

async fn remove(
    channel: String,
    yes: bool,
    request_id: Option<&str>,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let id = RequestId::new(request_id)?;
    let channel = get(connection, channel).await?;
    if !yes {
        if !terminal::can_ask() {
            let what = "nobody can be asked here: say --yes".into();
            return Err(ClientError::Usage { what });
        }
        let name = answer::visible(&channel.name);
        let question = format!("Remove the channel {name}, with its addresses and secrets?");
        if !terminal::agrees(&question, Consent::Short)? {
            let what = "nothing was removed".into();
            return Err(ClientError::Input { what });
        }
    }
    let request = DeleteChannelRequest {
        channel_id: channel.id,
    };
    let mut notifier = connection.notifier();
    let answered = connection
        .command(request, &id, async |request| {
            notifier.delete_channel(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => {
            eprintln!("removed");
            Ok(())
        }
    }
}

async fn get(connection: &Connection, channel: String) -> Result<Channel, ClientError> {
    let mut notifier = connection.notifier();
    let request = GetChannelRequest { channel };
    connection
        .ask(request, async |request| notifier.get_channel(request).await)
        .await
}

fn show(channel: &Channel, output: Output) -> Result<(), ClientError> {
    if output == Output::Json {
        return answer::json(channel);
    }
    let email = match &channel.settings {
        Some(channel::Settings::Email(email)) => Some(email),
        Some(channel::Settings::Webhook(_)) | None => None,
    };
    let of_email = |field: fn(&EmailSettings) -> String| email.map(field).unwrap_or_default();
    answer::details([
        ("name", channel.name.clone()),
        ("id", channel.id.clone()),
        (
            "kind",
            if email.is_some() { "email" } else { "webhook" }.to_owned(),
        ),
        ("told", listing::told(channel.rule.as_ref())),
        ("to", of_email(|email| email.to.join(", "))),
        ("from", of_email(|email| email.from.clone())),
        (
            "server",
            of_email(|email| format!("{}:{}", email.host, email.port)),
        ),
        (
            "security",
            of_email(|email| answer::word(email.security().as_str_name(), "SMTP_SECURITY_")),
        ),
        ("username", of_email(|email| email.username.clone())),
    ])
}
