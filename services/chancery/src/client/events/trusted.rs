//! Whose word a verification rests on: a key that was kept elsewhere, or the one that the log itself names.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use eventlog::proof::{Note, NoteKey};

use crate::client::ClientError;

/// What was kept elsewhere.
#[derive(Debug, Clone, Default, Args)]
pub struct KeptArgs {
    /// The key that the log's checkpoints are signed with, or a file that holds it; kept elsewhere than on the
    /// machine that is verified. Without it the log's own word is taken.
    #[arg(long, value_name = "KEY")]
    pub verifier_key: Option<String>,
    /// A checkpoint that was kept elsewhere: the log must hold everything that it was signed for. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<PathBuf>,
}

impl KeptArgs {
    /// The key that was given.
    ///
    /// # Errors
    /// Where it is none.
    pub fn key(&self) -> Result<Option<NoteKey>, ClientError> {
        self.verifier_key.as_deref().map(key).transpose()
    }

    /// The checkpoints that were given.
    ///
    /// # Errors
    /// Where a file is none.
    pub fn checkpoints(&self) -> Result<Vec<Note>, ClientError> {
        self.checkpoint.iter().map(|path| note(path)).collect()
    }
}

/// A key, or a file that holds it.
fn key(text: &str) -> Result<NoteKey, ClientError> {
    let written = match NoteKey::parse(text) {
        Ok(key) => return Ok(key),
        Err(_) => fs::read_to_string(text).map_err(ClientError::reading(text))?,
    };
    NoteKey::parse(&written).map_err(|error| ClientError::Input {
        what: format!("{text}: {error}"),
    })
}

/// A checkpoint in a file.
///
/// # Errors
/// Where it is none.
pub fn note(path: &Path) -> Result<Note, ClientError> {
    let text = fs::read_to_string(path).map_err(ClientError::reading(path))?;
    Note::parse(&text).map_err(|error| ClientError::Input {
        what: format!("{}: {error}", path.display()),
    })
}

/// That this key signed a checkpoint.
///
/// # Errors
/// Where it did not.
pub fn check(note: &Note, key: &NoteKey, what: &str) -> Result<(), ClientError> {
    match note.is_signed_by(key) {
        true => Ok(()),
        false => Err(ClientError::NotDone {
            what: format!("{what} is not signed by {key}"),
        }),
    }
}
