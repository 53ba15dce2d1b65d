//! `chancery events`

pub mod checkpoint;
mod export;
mod prove;
pub mod stored;
pub mod trusted;
pub mod verify;

use std::collections::BTreeMap;

use api::projection::v1::{Event, ListRequest, WatchEventsRequest};
use clap::{Args, Subcommand};
use serde_json::Value;
use tonic::Streaming;

pub use self::{
    checkpoint::CheckpointCommand, export::ExportArgs, prove::ProveArgs, verify::VerifyArgs,
};
use super::{
    ClientError, Connection, answer, error,
    list::{self, ListArgs},
};
use crate::cli::Output;

/// `chancery events`
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Each new event as it comes, until Ctrl-C.
    #[command(
        after_help = "Fields of --filter: aggregate, aggregate_id, event, actor, correlation_id.

Examples:
  chancery events tail
  chancery events tail --since 0 --filter aggregate=certificate
  chancery events tail --output json | jq .body        # one line an event"
    )]
    Tail(TailArgs),
    /// Events, newest first.
    #[command(
        after_help = "Fields: sequence, aggregate, aggregate_id, event, actor, time, correlation_id, certificate (by its id).

Examples:
  chancery events list
  chancery events list --filter 'aggregate=automation event=issuance-failed' --limit 10
  chancery events list --sort sequence --output json"
    )]
    List(ListArgs),
    /// All events as they are stored, a line of JSON each, on stdout.
    Export(ExportArgs),
    /// Whether the log is the one that was recorded; names what was changed, taken out or put in.
    Verify(VerifyArgs),
    /// That one event is in the log, as a file that anybody can check.
    Prove(ProveArgs),
    /// Signed checkpoints of the log, to be kept elsewhere.
    #[command(subcommand)]
    Checkpoint(CheckpointCommand),
}

/// `chancery events tail`
#[derive(Debug, Args)]
pub struct TailArgs {
    /// First those past this position of the log; 0 for all. Without it only new ones are shown.
    #[arg(long, value_name = "SEQUENCE")]
    pub since: Option<u64>,
    /// Terms that must all hold: field=value, field!=value, field:text.
    #[arg(
        long,
        value_name = "TERMS",
        default_value = "",
        hide_default_value = true
    )]
    pub filter: String,
}

/// `chancery events`
pub async fn run(
    command: EventsCommand,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    match command {
        EventsCommand::Tail(args) => tail(args, connection, output).await,
        EventsCommand::List(args) => show_list(args, connection, output).await,
        EventsCommand::Export(args) => export::run(&args, connection).await,
        EventsCommand::Verify(args) => verify::online(&args, connection, output).await,
        EventsCommand::Prove(args) => prove::run(&args, connection).await,
        EventsCommand::Checkpoint(command) => checkpoint::run(command, connection, output).await,
    }
}

/// The events of a filter as they come. A connection that breaks is made again, and goes on where it was.
#[derive(Debug)]
pub struct Watch<'a> {
    connection: &'a Connection,
    request: WatchEventsRequest,
    stream: Option<Streaming<Event>>,
    failures: u32,
}

impl<'a> Watch<'a> {
    /// Not asked for until the first [`next`](Self::next).
    pub fn new(connection: &'a Connection, request: WatchEventsRequest) -> Self {
        Self {
            connection,
            request,
            stream: None,
            failures: 0,
        }
    }

    /// Waits for the next event.
    pub async fn next(&mut self) -> Result<Event, ClientError> {
        loop {
            match self.step().await {
                Ok(Some(event)) => {
                    self.failures = 0;
                    self.request.after_sequence = event.sequence;
                    self.request.only_new = false;
                    return Ok(event);
                }
                // The gateway or a service behind it was stopped.
                Ok(None) => {}
                Err(status) if error::is_lost(&status) && self.failures < FAILURES => {}
                Err(status) => return Err(self.connection.explain(status)),
            }
            self.stream = None;
            self.failures += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn step(&mut self) -> Result<Option<Event>, tonic::Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let answer = self
                    .connection
                    .queries()
                    .watch_events(self.request.clone())
                    .await?;
                self.failures = 0;
                self.stream.insert(answer.into_inner())
            }
        };
        stream.message().await
    }
}

async fn tail(args: TailArgs, connection: &Connection, output: Output) -> Result<(), ClientError> {
    let mut watch = Watch::new(
        connection,
        WatchEventsRequest {
            after_sequence: args.since.unwrap_or(0),
            only_new: args.since.is_none(),
            filter: args.filter,
        },
    );
    loop {
        let event = watch.next().await?;
        match output {
            Output::Json => answer::json_line(&event)?,
            Output::Table => answer::line(&one_line(&event)?)?,
        }
    }
}

async fn show_list(
    args: ListArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let mut queries = connection.queries();
    let request = ListRequest::from(args);
    let page = connection
        .ask(request, async |request| queries.list_events(request).await)
        .await?;
    if output == Output::Json {
        return answer::json(&page);
    }
    let rows = page.events.iter().map(|event| {
        Ok([
            event.sequence.to_string(),
            answer::time(&event.time),
            format!("{}.{}", event.aggregate, event.event),
            event.actor.clone(),
            event.aggregate_id.clone(),
            summary(event)?,
        ])
    });
    let rows = rows.collect::<Result<Vec<_>, ClientError>>()?;
    answer::table(
        ["sequence", "time", "event", "actor", "id", "about"],
        rows,
        "no events",
    )?;
    list::more(&page.next_page_token);
    Ok(())
}

fn one_line(event: &Event) -> Result<String, ClientError> {
    Ok(format!(
        "{:>6}  {}  {}.{}  {}  {}  {}",
        event.sequence,
        answer::time(&event.time),
        event.aggregate,
        event.event,
        event.aggregate_id,
        event.actor,
        summary(event)?,
    ))
}

/// The short values of an event's body, in the order of their names: as much as fits on a line.
fn summary(event: &Event) -> Result<String, ClientError> {
    let fields: BTreeMap<String, Value> = match &event.body {
        Some(body) => answer::read_as(body)?,
        None => BTreeMap::new(),
    };
    let shown = fields.iter().filter_map(|(name, value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Array(items) => items
                .iter()
                .map(Value::as_str)
                .collect::<Option<Vec<_>>>()?
                .join(","),
            Value::Null | Value::Object(_) => return None,
        };
        (!text.is_empty() && text.len() <= LONGEST).then(|| format!("{name}={text}"))
    });
    let line = shown.collect::<Vec<_>>().join(" ");
    Ok(match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    })
}

/// Longer values are certificates and keys.
const LONGEST: usize = 100;
/// The rest is in `--output json`.
const LINE: usize = 120;
/// How often in a row a broken connection is made again.
const FAILURES: u32 = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);
