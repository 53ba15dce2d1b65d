//! `chancery events verify`

use std::path::PathBuf;

use clap::Args;
use eventlog::proof::{NoteKey, Stored, Verifier, tree, verifier::Report};
use serde::Serialize;

use super::{
    prove,
    stored::{self, Entry},
    trusted::{self, KeptArgs},
};
use crate::{
    cli::Output,
    client::{ClientError, Connection, answer},
};

/// `chancery events verify`
#[derive(Debug, Args)]
#[command(
    after_help = "The tree over all events is made anew from the log itself, and held against what was recorded of each event when
it came, against what each event says that it followed, and against every signed checkpoint. What does not fit is
named. Exit status 0: all fits; 1: something does not.

Examples:
  chancery events verify
  chancery events verify --checkpoint march.checkpoint --verifier-key log.key
  chancery events verify log.jsonl --verifier-key log.key       # without the gateway
  chancery events verify --proof event-1234.json --verifier-key log.key"
)]
pub struct VerifyArgs {
    /// A file of `events export`, in place of the log; \"-\" is stdin.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A file of `events prove`, in place of all: that this one event is in the log.
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub proof: Option<PathBuf>,
    /// Whose word counts.
    #[command(flatten)]
    pub kept: KeptArgs,
}

impl VerifyArgs {
    /// Nobody need be asked.
    pub fn is_offline(&self) -> bool {
        self.file.is_some() || self.proof.is_some()
    }
}

/// `chancery events verify`, of the log itself.
pub async fn online(
    args: &VerifyArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let mut check = Check::of(&args.kept)?;
    let walked = stored::from_gateway(connection, 0, 0, |entry| {
        check.take(entry);
        Ok(())
    });
    walked.await?;
    check.finish()?.show(output)
}

/// `chancery events verify`, of a file.
pub fn offline(args: &VerifyArgs, output: Output) -> Result<(), ClientError> {
    if let Some(proof) = &args.proof {
        return prove::verify(proof, &args.kept, output);
    }
    let mut check = Check::of(&args.kept)?;
    if let Some(file) = &args.file {
        stored::from_file(file, |entry| {
            check.take(entry);
            Ok(())
        })?;
    }
    check.finish()?.show(output)
}

/// A verification under way.
pub struct Check {
    verifier: Verifier,
    /// The key that was kept elsewhere, or the first that the log named.
    key: Option<NoteKey>,
    is_kept: bool,
    /// Events of checkpoints that this key did not sign.
    unsigned: Vec<u64>,
}

/// What came of it.
pub struct Verified {
    /// All that was looked at.
    pub report: Report,
    key: Option<NoteKey>,
    is_kept: bool,
    unsigned: Vec<u64>,
}

impl Check {
    /// Against what was kept.
    pub fn of(kept: &KeptArgs) -> Result<Self, ClientError> {
        let key = kept.key()?;
        let notes = kept.checkpoints()?;
        let mut verifier = Verifier::default();
        for (note, path) in notes.iter().zip(&kept.checkpoint) {
            let Some(key) = &key else {
                return Err(ClientError::Usage {
                    what: "--checkpoint needs --verifier-key: without the key nobody knows who signed it".into(),
                });
            };
            trusted::check(note, key, &path.display().to_string())?;
            verifier.expect(&note.head);
        }
        Ok(Self {
            verifier,
            is_kept: key.is_some(),
            key,
            unsigned: Vec::new(),
        })
    }

    /// Looks at the next one.
    pub fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Missing(_, Some(leaf)) => self.verifier.miss(leaf),
            // The next one that is there tells that it is missing.
            Entry::Missing(_, None) => {}
            Entry::Event(event, leaf) => {
                self.look_for_checkpoint(&event);
                self.verifier.take(event, leaf);
            }
        }
    }

    fn look_for_checkpoint(&mut self, event: &Stored) {
        let Some((note, named)) = stored::checkpoint_in(event) else {
            return;
        };
        if self.key.is_none() {
            self.key = named;
        }
        let signed = self.key.as_ref().zip(note);
        match signed.filter(|(key, note)| note.is_signed_by(key)) {
            Some((_, note)) => self.verifier.expect(&note.head),
            None => self.unsigned.push(event.sequence),
        }
    }

    /// All have come.
    pub fn finish(self) -> Result<Verified, ClientError> {
        let report = self.verifier.finish();
        if report.events == 0 {
            return Err(ClientError::Input {
                what: "there is not a single event".into(),
            });
        }
        Ok(Verified {
            report,
            key: self.key,
            is_kept: self.is_kept,
            unsigned: self.unsigned,
        })
    }
}

impl Verified {
    /// Everything that does not fit, in words.
    pub fn findings(&self) -> Vec<String> {
        let mut words = self
            .report
            .findings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>();
        let unsigned = self.unsigned.iter();
        words.extend(
            unsigned.map(|sequence| {
                format!("event {sequence} is a checkpoint that the key did not sign")
            }),
        );
        if self.report.more > 0 {
            words.push(format!("{} more do not fit", self.report.more));
        }
        words
    }

    /// Whose word it rests on.
    pub fn rests_on(&self) -> String {
        match (&self.key, self.is_kept) {
            (Some(key), true) => format!("{key}"),
            (Some(key), false) => format!(
                "{key} (the log's own word: keep it elsewhere, and give it with --verifier-key)"
            ),
            (None, _) => "no key: the log has no checkpoint".to_owned(),
        }
    }

    fn show(&self, output: Output) -> Result<(), ClientError> {
        let findings = self.findings();
        let report = &self.report;
        match output {
            Output::Json => answer::json(&Answer {
                events: report.events,
                size: report.size,
                root: tree::hex(&report.root),
                checkpoints: report.fitting,
                checkpoint_size: report.fits_to,
                checkpoints_passed_over: report.passed_over,
                verifier_key: self.key.as_ref().map(ToString::to_string),
                key_was_kept: self.is_kept,
                findings: &findings,
            })?,
            Output::Table => {
                let fitting = match report.fitting {
                    0 => "none".to_owned(),
                    count => format!("{count} fit, the largest over {} events", report.fits_to),
                };
                let passed_over = match report.passed_over {
                    0 => String::new(),
                    count => format!("{count}: events before them are missing"),
                };
                answer::details([
                    ("events", report.events.to_string()),
                    (
                        "root",
                        format!("{} over {}", tree::hex(&report.root), report.size),
                    ),
                    ("checkpoints", fitting),
                    ("not compared", passed_over),
                    ("key", self.rests_on()),
                ])?;
                for finding in &findings {
                    answer::line(finding)?;
                }
            }
        }
        match findings.len() {
            0 => Ok(()),
            _ => Err(ClientError::NotDone {
                what: "this is not the log that was recorded".into(),
            }),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    events: u64,
    size: u64,
    root: String,
    checkpoints: u64,
    checkpoint_size: u64,
    checkpoints_passed_over: u64,
    verifier_key: Option<String>,
    key_was_kept: bool,
    findings: &'a [String],
}
