//! `chancery events export`

use std::io::{self, Write as _};

use clap::Args;
use eventlog::proof::line;

use super::stored::{self, Entry};
use crate::client::{ClientError, Connection};

/// `chancery events export`
#[derive(Debug, Args)]
#[command(
    after_help = "One line of JSON an event: sequence, time (when the log's server stored it), subject, headers, body (as it is
stored, as text), and leaf, which is its hash in the tree over the log.

Examples:
  chancery events export > log.jsonl
  chancery events export --since 1000 > since.jsonl       # what came since
  chancery events verify log.jsonl --verifier-key log.key"
)]
pub struct ExportArgs {
    /// Only events past this position of the log.
    #[arg(
        long,
        value_name = "SEQUENCE",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub since: u64,
    /// The last one; without it all that there are.
    #[arg(
        long,
        value_name = "SEQUENCE",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub until: u64,
}

/// `chancery events export`
pub async fn run(args: &ExportArgs, connection: &Connection) -> Result<(), ClientError> {
    let mut out = io::BufWriter::new(io::stdout());
    let mut missing = Vec::new();
    let written = stored::from_gateway(connection, args.since, args.until, |entry| match entry {
        Entry::Event(event, leaf) => {
            let line = line::write(&event, leaf.as_ref()).map_err(|error| ClientError::Input {
                what: format!("event {} cannot be written: {error}", event.sequence),
            })?;
            writeln!(out, "{line}").map_err(ClientError::Write)
        }
        Entry::Missing(sequence, _) => {
            missing.push(sequence);
            Ok(())
        }
    });
    written.await?;
    out.flush().map_err(ClientError::Write)?;
    match missing.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(ClientError::NotDone {
            what: format!(
                "the log no longer has {} of its events, the first of them is event {first}: see chancery events verify",
                missing.len()
            ),
        }),
    }
}
