//! How the program ends: the four exit statuses that scripts rely on, and what goes to stderr.

use std::{error::Error, process::ExitCode};

/// The exit statuses, a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Refused or failed; stderr says why.
    Refused = 1,
    /// The command line is not right; clap's own errors end so too.
    Usage = 2,
    /// The gateway does not answer.
    Unreachable = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Writes an error and the chain of its causes to stderr, a line each.
pub fn report(error: &dyn Error) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    let mut said = error.to_string();
    while let Some(error) = cause {
        let text = error.to_string();
        // Transparent layers would say the same twice.
        if !said.contains(&text) {
            eprintln!("  because: {text}");
        }
        said = text;
        cause = error.source();
    }
}
