//! `chancery events checkpoint`

use std::path::PathBuf;

use api::projection::v1::{
    AddCosignaturesRequest, AddCosignaturesResponse, Checkpoint, GetCheckpointRequest,
    ProveConsistencyRequest, SealLogRequest,
};
use clap::Subcommand;
use eventlog::proof::{Note, NoteKey, path};

use super::trusted::{self, KeptArgs};
use crate::{
    cli::Output,
    client::{ClientError, Connection, answer, connection::RequestId, settled::Positioned},
};

/// `chancery events checkpoint`
#[derive(Debug, Subcommand)]
pub enum CheckpointCommand {
    /// The newest signed checkpoint, as a note to be kept elsewhere.
    #[command(after_help = "Examples:
  chancery events checkpoint show > march.checkpoint
  chancery events checkpoint show --key > log.key        # what its signature is verified with
  chancery events checkpoint show --size 5000")]
    Show {
        /// The one over this many events.
        #[arg(
            long,
            value_name = "EVENTS",
            default_value_t = 0,
            hide_default_value = true
        )]
        size: u64,
        /// The key that verifies it, in place of the checkpoint.
        #[arg(long)]
        key: bool,
    },
    /// Sign a checkpoint now; it is done by itself every few minutes while anything happens.
    #[command(
        after_help = "Examples:\n  chancery events checkpoint sign > before-the-move.checkpoint"
    )]
    Sign,
    /// Add the signatures of witnesses to a checkpoint, as they gave it back.
    #[command(after_help = "Examples:
  chancery events checkpoint cosign signed-by-witness.checkpoint

Signatures are taken of witnesses whose keys are configured (projection.witnesses).")]
    Cosign {
        /// The checkpoint with their signatures.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// That the log of one checkpoint goes on from that of another: nothing before it has changed.
    #[command(after_help = "Examples:
  chancery events checkpoint compare march.checkpoint --verifier-key log.key
  chancery events checkpoint compare march.checkpoint april.checkpoint --verifier-key log.key")]
    Compare {
        /// The earlier one.
        #[arg(value_name = "EARLIER")]
        earlier: PathBuf,
        /// The later one; the newest without it.
        #[arg(value_name = "LATER")]
        later: Option<PathBuf>,
        /// The key that the log's checkpoints are signed with, or a file that holds it; without it the log's own word
        /// is taken.
        #[arg(long, value_name = "KEY")]
        verifier_key: Option<String>,
    },
}

impl Positioned for Checkpoint {
    fn position(&self) -> u64 {
        self.position
    }
}

impl Positioned for AddCosignaturesResponse {
    fn position(&self) -> u64 {
        self.position
    }
}

/// `chancery events checkpoint`
pub async fn run(
    command: CheckpointCommand,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    match command {
        CheckpointCommand::Show { size, key } => {
            let checkpoint = get(connection, size).await?;
            match (key, output) {
                (true, Output::Table) => answer::line(&checkpoint.verifier_key),
                (_, output) => show(&checkpoint, output),
            }
        }
        CheckpointCommand::Sign => {
            let mut proofs = connection.proofs();
            let id = RequestId::new(None)?;
            let signed = connection
                .command(SealLogRequest { at_least: 0 }, &id, async |request| {
                    proofs.seal_log(request).await
                })
                .await?;
            show(&signed, output)
        }
        CheckpointCommand::Cosign { file } => {
            let note = trusted::note(&file)?.to_string();
            let mut proofs = connection.proofs();
            let id = RequestId::new(None)?;
            let cosigned = connection
                .command(AddCosignaturesRequest { note }, &id, async |request| {
                    proofs.add_cosignatures(request).await
                })
                .await?;
            if output == Output::Json {
                return answer::json(&cosigned);
            }
            match cosigned.added.as_slice() {
                [] => Err(ClientError::NotDone {
                    what: "nothing was added: no signature under it is new and of a witness that is configured".into(),
                }),
                added => answer::line(&format!("signed by {}", added.join(", "))),
            }
        }
        CheckpointCommand::Compare {
            earlier,
            later,
            verifier_key,
        } => {
            let kept = KeptArgs {
                verifier_key,
                checkpoint: Vec::new(),
            };
            let newest = get(connection, 0).await?;
            let key = match kept.key()? {
                Some(key) => key,
                None => NoteKey::parse(&newest.verifier_key).map_err(not_a_note)?,
            };
            let earlier = trusted::note(&earlier)?;
            let later = match later {
                Some(file) => trusted::note(&file)?,
                None => Note::parse(&newest.note).map_err(not_a_note)?,
            };
            compare(connection, &earlier, &later, &key, output).await
        }
    }
}

async fn get(connection: &Connection, size: u64) -> Result<Checkpoint, ClientError> {
    let mut proofs = connection.proofs();
    let request = GetCheckpointRequest { size, at_least: 0 };
    connection
        .ask(request, async |request| {
            proofs.get_checkpoint(request).await
        })
        .await
}

fn show(checkpoint: &Checkpoint, output: Output) -> Result<(), ClientError> {
    match output {
        Output::Json => answer::json(checkpoint),
        // To the octet: with its own line's end.
        Output::Table => answer::line(checkpoint.note.trim_end_matches('\n')),
    }
}

async fn compare(
    connection: &Connection,
    earlier: &Note,
    later: &Note,
    key: &NoteKey,
    output: Output,
) -> Result<(), ClientError> {
    trusted::check(earlier, key, "the earlier checkpoint")?;
    trusted::check(later, key, "the later checkpoint")?;
    let (first, last) = (&earlier.head, &later.head);
    if first.size > last.size {
        return Err(ClientError::NotDone {
            what: format!(
                "the later checkpoint is over {} events, and the earlier one over {}: the log is shorter than it was",
                last.size, first.size
            ),
        });
    }
    let mut proofs = connection.proofs();
    let request = ProveConsistencyRequest {
        earlier: first.size,
        later: last.size,
    };
    let proof = connection
        .ask(request, async |request| {
            proofs.prove_consistency(request).await
        })
        .await?;
    let path = proof
        .path
        .iter()
        .map(|hash| <[u8; 32]>::try_from(&**hash).ok());
    let path = path.collect::<Option<Vec<_>>>().unwrap_or_default();
    if !path::goes_on((first.size, &first.root), (last.size, &last.root), &path) {
        return Err(ClientError::NotDone {
            what: format!(
                "the log of the later checkpoint does not go on from that of the earlier one: one of the first {} events was changed since",
                first.size
            ),
        });
    }
    match output {
        Output::Json => answer::json(&serde_json::json!({
            "earlier": first.size,
            "later": last.size,
            "path": path.iter().map(eventlog::proof::tree::hex).collect::<Vec<_>>(),
            "verifierKey": key.to_string(),
        })),
        Output::Table => answer::line(&format!(
            "the log over {} events goes on from the log over {}",
            last.size, first.size
        )),
    }
}

fn not_a_note(error: eventlog::proof::NoteError) -> ClientError {
    ClientError::Input {
        what: format!("the gateway's answer is of no use: {error}"),
    }
}
