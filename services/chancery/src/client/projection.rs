//! `chancery projection`

use api::projection::v1::{
    RebuildPhase, RebuildProgress, RebuildTablesRequest, SkipEventRequest, TablesVerdict,
    VerifyTablesRequest,
};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{ClientError, Connection, answer, connection::RequestId};
use crate::cli::Output;

/// `chancery projection`
#[derive(Debug, Subcommand)]
pub enum ProjectionCommand {
    /// Make the tables anew from the log, beside those that are served, and then serve the new ones.
    #[command(after_help = "Examples:
  chancery projection rebuild

Questions are answered all the time. It goes on when this command is broken off; call it again to look at it. What a
stopped service leaves behind is removed at its next start.")]
    Rebuild,
    /// Compare the tables with a replay of the log, row by row.
    #[command(after_help = "Examples:
  chancery projection verify
  chancery projection verify --output json

The exit status is 1 where they differ; `chancery projection rebuild` makes them right.")]
    Verify,
    /// Pass over the event at which the tables stopped.
    #[command(after_help = "Examples:
  chancery projection skip 4711 --reason 'written by a tool of ours that is gone'

Only that event can be passed over, which the service's log names. It changes no row then, now and in every later
rebuild; that it was passed over is an event of its own. First see whether a newer version can read it.")]
    Skip(SkipArgs),
}

/// `chancery projection skip`
#[derive(Debug, Args)]
pub struct SkipArgs {
    /// The event's sequence.
    #[arg(value_name = "SEQUENCE")]
    pub sequence: u64,
    /// Why it may be passed over, for who reads the log later.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// `chancery projection`
pub async fn run(
    command: ProjectionCommand,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    match command {
        ProjectionCommand::Rebuild => rebuild(connection, output).await,
        ProjectionCommand::Verify => verify(connection, output).await,
        ProjectionCommand::Skip(args) => skip(args, connection, output).await,
    }
}

async fn rebuild(connection: &Connection, output: Output) -> Result<(), ClientError> {
    let mut tables = connection.tables();
    let began = tables.rebuild_tables(RebuildTablesRequest {});
    let began = began.await.map_err(|status| connection.explain(status))?;
    let mut steps = began.into_inner();
    let bar = bar();
    let mut last = RebuildProgress::default();
    loop {
        let step = steps.message().await;
        let Some(step) = step.map_err(|status| connection.explain(status))? else {
            break;
        };
        if step.phase() == RebuildPhase::Indexing && last.phase() != RebuildPhase::Indexing {
            bar.set_message("making indices");
        }
        shown(&bar, step.position, step.last);
        last = step;
    }
    bar.finish_and_clear();
    match (output, last.phase()) {
        (Output::Json, _) => answer::json(&last),
        (Output::Table, RebuildPhase::Served) => answer::line(&format!(
            "new tables are served, as of event {}",
            last.position
        )),
        (Output::Table, _) => Err(ClientError::NotDone {
            what: "the projection said nothing more: is it stopping?".to_owned(),
        }),
    }
}

async fn verify(connection: &Connection, output: Output) -> Result<(), ClientError> {
    let mut tables = connection.tables();
    let began = tables.verify_tables(VerifyTablesRequest {});
    let began = began.await.map_err(|status| connection.explain(status))?;
    let mut steps = began.into_inner();
    let bar = bar();
    let mut position = 0;
    let mut verdict = None;
    loop {
        let step = steps.message().await;
        let Some(step) = step.map_err(|status| connection.explain(status))? else {
            break;
        };
        shown(&bar, step.position, step.last);
        position = step.position;
        verdict = step.verdict.or(verdict);
    }
    bar.finish_and_clear();
    let verdict = verdict.ok_or_else(|| ClientError::NotDone {
        what: "the projection said nothing more: is it stopping?".to_owned(),
    })?;
    match output {
        Output::Json => answer::json(&verdict)?,
        Output::Table => show(&verdict, position)?,
    }
    match verdict.equal {
        true => Ok(()),
        false => Err(ClientError::NotDone {
            what: "the tables are not what the log makes of them: chancery projection rebuild \
                     makes them right"
                .to_owned(),
        }),
    }
}

fn show(verdict: &TablesVerdict, position: u64) -> Result<(), ClientError> {
    let rows = verdict.tables.iter().map(|table| {
        [
            table.table.clone(),
            table.served_rows.to_string(),
            table.replayed_rows.to_string(),
            if table.equal { "equal" } else { "differs" }.to_owned(),
        ]
    });
    answer::table(
        ["table", "served", "replayed", "verdict"],
        rows,
        "no tables",
    )?;
    answer::line(&format!(
        "\nas of event {position}\nserved    {}\nreplayed  {}\n{}",
        verdict.served_sha256,
        verdict.replayed_sha256,
        if verdict.equal {
            "equal"
        } else {
            "they differ"
        }
    ))
}

async fn skip(args: SkipArgs, connection: &Connection, output: Output) -> Result<(), ClientError> {
    let request = SkipEventRequest {
        sequence: args.sequence,
        reason: args.reason,
    };
    let mut tables = connection.tables();
    let id = RequestId::new(None)?;
    let answered = connection
        .command(request, &id, async |request| {
            tables.skip_event(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => answer::line(&format!("event {} is passed over", args.sequence)),
    }
}

/// Seen on a terminal, and nowhere else.
fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{pos} of {len} events {wide_bar} {eta} {msg}")
    {
        bar.set_style(style);
    }
    bar
}

fn shown(bar: &ProgressBar, position: u64, last: u64) {
    bar.set_length(last);
    bar.set_position(position);
}
