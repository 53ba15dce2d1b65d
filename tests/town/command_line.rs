//! The command line, as a person or a script calls it.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::tools::chancery;

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit status: 0 done, 1 refused, 2 usage, 3 unreachable.
    pub status: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said about it.
    pub stderr: String,
}

impl Ended {
    /// Its answer, of a command with `--output json`.
    ///
    /// # Panics
    /// Where the command was not done.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 0, "not done: {}", self.stderr);
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("not JSON ({e}): {}", self.stdout))
    }
}

/// `chancery` with a home of its own, so that it meets no other credentials or configuration.
pub fn command(home: &Path) -> Command {
    let mut command = Command::new(chancery());
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
        command.env_remove(name);
    }
    command
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"));
    if let Some(tools) = std::env::var_os("CHANCERY_TOOLS") {
        command.env("CHANCERY_TOOLS", tools);
    } else {
        command.env(
            "CHANCERY_TOOLS",
            crate::tools::workspace().join(".tools/bin"),
        );
    }
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command, stdin: Stdio) -> Ended {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .stdin(stdin)
        .output()
        .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    Ended {
        status: status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

fn is_ours(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with("CHANCERY_")
}
