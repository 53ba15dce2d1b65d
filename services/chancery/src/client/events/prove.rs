//! `chancery events prove`, and what it proves.

use std::{fs, path::Path};

use api::projection::v1::{ProveEventRequest, ProveEventResponse};
use clap::Args;
use eventlog::proof::{Hash, Note, NoteKey, Stored, line, path};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    stored::{self, Entry},
    trusted::{self, KeptArgs},
};
use crate::{
    cli::Output,
    client::{ClientError, Connection, answer},
};

/// `chancery events prove`
#[derive(Debug, Args)]
#[command(
    after_help = "What is written holds the event as it is stored, a signed checkpoint, and the path from one to the other. With
the log's verifier key anybody can check it, without the log and without this program (see docs/proof.md).

Examples:
  chancery events prove 1234 > event-1234.json
  chancery events prove 1234 --size 5000 > event-1234.json
  chancery events verify --proof event-1234.json --verifier-key log.key"
)]
pub struct ProveArgs {
    /// Which event.
    #[arg(value_name = "SEQUENCE")]
    pub sequence: u64,
    /// The size of the checkpoint, for example of one that you have; the newest without it.
    #[arg(
        long,
        value_name = "EVENTS",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub size: u64,
}

/// What is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    /// A line of `events export`.
    event: Value,
    /// From the leaf upwards, hex.
    path: Vec<String>,
    /// A signed note.
    checkpoint: String,
}

/// `chancery events prove`
pub async fn run(args: &ProveArgs, connection: &Connection) -> Result<(), ClientError> {
    let mut proofs = connection.proofs();
    let request = ProveEventRequest {
        sequence: args.sequence,
        size: args.size,
    };
    let answer = connection
        .ask(request, async |request| proofs.prove_event(request).await)
        .await?;
    let proof = written(args.sequence, answer)?;
    let (event, note) = read(&proof)?;
    check(&proof, &event, &note)?;
    answer::json(&proof)
}

/// That the event of a file is in the log.
pub fn verify(file: &Path, kept: &KeptArgs, output: Output) -> Result<(), ClientError> {
    let Some(key) = kept.key()? else {
        return Err(ClientError::Usage {
            what: "--proof needs --verifier-key: without the key nobody knows who signed the checkpoint".into(),
        });
    };
    let text = fs::read_to_string(file).map_err(ClientError::reading(file))?;
    let proof = serde_json::from_str::<Proof>(&text).map_err(|_| not_a_proof(file))?;
    let (event, note) = read(&proof)?;
    trusted::check(&note, &key, "the checkpoint")?;
    check(&proof, &event, &note)?;
    show(&event, &note, &key, output)
}

fn written(sequence: u64, answer: ProveEventResponse) -> Result<Proof, ClientError> {
    let gone = || ClientError::NotDone {
        what: format!("the log no longer has event {sequence}: see chancery events verify"),
    };
    let event = answer.event.ok_or_else(gone)?;
    let Entry::Event(event, _) = stored::entry(event)? else {
        return Err(gone());
    };
    let line = line::write(&event, None).map_err(|error| ClientError::Input {
        what: error.to_string(),
    })?;
    let path = answer.path.iter().map(|hash| hex(hash));
    Ok(Proof {
        event: serde_json::from_str(&line).map_err(ClientError::Answer)?,
        path: path.collect(),
        checkpoint: answer.checkpoint.map(|c| c.note).unwrap_or_default(),
    })
}

fn read(proof: &Proof) -> Result<(Stored, Note), ClientError> {
    let wrong = |what: String| ClientError::Input { what };
    let (event, _) = line::read(&proof.event.to_string()).map_err(|e| wrong(e.to_string()))?;
    let note = Note::parse(&proof.checkpoint).map_err(|e| wrong(e.to_string()))?;
    Ok((event, note))
}

fn check(proof: &Proof, event: &Stored, note: &Note) -> Result<(), ClientError> {
    let path = proof.path.iter().map(|hash| from_hex(hash));
    let path = path.collect::<Option<Vec<_>>>().unwrap_or_default();
    let index = event.sequence.wrapping_sub(1);
    match path::includes(&event.leaf(), index, note.head.size, &path, &note.head.root) {
        true => Ok(()),
        false => Err(ClientError::NotDone {
            what: format!(
                "event {} as it is here is not under the checkpoint over {} events",
                event.sequence, note.head.size
            ),
        }),
    }
}

fn show(event: &Stored, note: &Note, key: &NoteKey, output: Output) -> Result<(), ClientError> {
    if output == Output::Json {
        return answer::json(&serde_json::json!({
            "sequence": event.sequence,
            "subject": event.subject,
            "checkpointSize": note.head.size,
            "verifierKey": key.to_string(),
        }));
    }
    let header = |name| event.header(name).unwrap_or_default().to_owned();
    answer::details([
        ("event", event.sequence.to_string()),
        ("subject", event.subject.clone()),
        ("time", header("ce-time")),
        ("actor", header("ce-actor")),
        ("checkpoint", format!("over {} events", note.head.size)),
        ("key", key.to_string()),
    ])
}

fn not_a_proof(file: &Path) -> ClientError {
    ClientError::Input {
        what: format!(
            "{} is not what `chancery events prove` writes",
            file.display()
        ),
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Hash> {
    let plain = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let octet = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let octets = (0..64).step_by(2).map(octet).collect::<Option<Vec<_>>>();
    octets.filter(|_| plain)?.try_into().ok()
}
