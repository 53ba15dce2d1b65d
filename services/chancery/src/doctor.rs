//! `chancery doctor`: whether what an installation stands on is in order, while it runs and while it does not. Changes
//! nothing, and shows no secret.
//!
//! [`keys`] are the key-encryption key and the identities, [`log`] the event log and the clock, [`databases`], [`services`],
//! and the [`machine`]. Each says what it found, and where something is wrong, what to do.

mod databases;
mod keys;
mod log;
mod machine;
mod services;

use std::{
    fmt,
    io::{self, Write as _},
};

use clap::Args;
use keystore::kek::{KekSources, Keks};
use runtime::{
    Clock, Layout, Shared,
    config::{ConfigError, Settings},
};
use serde::Serialize;

use crate::cli::{FolderArgs, Output};

/// `chancery doctor`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery doctor --data-dir /var/lib/chancery
  chancery doctor --config /etc/chancery/chancery.toml --output json

A line for each thing that is looked at: ok, a warning, or failed; below it what to do. It may run at any time: while
Chancery does, and while it does not, and says what is down. Nothing is changed, and no secret is shown.
Exit status: 0 where nothing failed, else 1.")]
pub struct DoctorArgs {
    /// Of which folder.
    #[command(flatten)]
    pub folder: FolderArgs,
}

/// Something is not in order.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {all} checks failed")]
pub struct NotWell {
    failed: usize,
    all: usize,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Failed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        })
    }
}

/// What was looked at, and found.
#[derive(Debug, Clone, Serialize)]
struct Finding {
    check: String,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_do: Option<String>,
}

/// What is looked at.
struct Patient {
    settings: Settings,
    shared: Shared,
    layout: Layout,
    clock: Clock,
    /// The key-encryption keys, where they can be read.
    sources: Option<KekSources>,
    keks: Option<Keks>,
}

/// All that was found so far.
struct Report {
    output: Output,
    findings: Vec<Finding>,
}

impl Report {
    fn ok(&mut self, check: impl Into<String>, found: impl Into<String>) {
        self.add(check.into(), Verdict::Ok, found.into(), None);
    }

    fn warning(
        &mut self,
        check: impl Into<String>,
        found: impl Into<String>,
        to_do: impl Into<String>,
    ) {
        let to_do = Some(to_do.into());
        self.add(check.into(), Verdict::Warning, found.into(), to_do);
    }

    fn failed(
        &mut self,
        check: impl Into<String>,
        found: impl Into<String>,
        to_do: impl Into<String>,
    ) {
        let to_do = Some(to_do.into());
        self.add(check.into(), Verdict::Failed, found.into(), to_do);
    }

    fn add(&mut self, check: String, verdict: Verdict, found: String, to_do: Option<String>) {
        if self.output == Output::Table {
            // At once: some of it takes a while. Whoever closed stdout wants to read no more.
            let mut out = io::stdout();
            let _ = writeln!(out, "{verdict:<8} {check}: {found}");
            if let Some(to_do) = &to_do {
                let _ = writeln!(out, "         {to_do}");
            }
        }
        self.findings.push(Finding {
            check,
            verdict,
            found,
            to_do,
        });
    }

    fn end(self) -> Result<(), NotWell> {
        if self.output == Output::Json {
            let report = serde_json::json!({ "checks": self.findings });
            let _ = writeln!(io::stdout(), "{report:#}");
        }
        let failed = self.findings.iter();
        let failed = failed.filter(|finding| finding.verdict == Verdict::Failed);
        match failed.count() {
            0 => Ok(()),
            failed => Err(NotWell {
                failed,
                all: self.findings.len(),
            }),
        }
    }
}

/// Looks at all of it.
pub async fn run(args: DoctorArgs, output: Output) -> Result<(), NotWell> {
    let mut report = Report {
        output,
        findings: Vec::new(),
    };
    let Some(mut patient) = configuration(&args.folder, &mut report) else {
        return report.end();
    };
    keys::kek(&mut patient, &mut report);
    keys::identities(&patient, &mut report);
    databases::all(&patient, &mut report).await;
    log::log(&patient, &mut report).await;
    services::all(&patient, &mut report).await;
    machine::disk(&patient, &mut report);
    report.end()
}

/// Without it nothing else can be looked at.
fn configuration(folder: &FolderArgs, report: &mut Report) -> Option<Patient> {
    let read = || {
        let settings = Settings::read(folder.config.as_deref(), folder.data_dir.as_deref())?;
        settings.table::<keystore::Config>("keystore")?;
        settings.table::<csr_service::Config>("csr_service")?;
        settings.table::<acme_agent::Config>("acme_agent")?;
        settings.table::<notifier::Config>("notifier")?;
        settings.table::<projection::Config>("projection")?;
        settings.table::<gateway::Config>("gateway")?;
        let shared = settings.shared()?;
        Ok::<_, ConfigError>((settings, shared))
    };
    match read() {
        Ok((settings, shared)) => {
            let layout = Layout::of(&shared);
            let file = folder.config.clone();
            let file = file.or_else(|| Some(layout.config_file()).filter(|file| file.is_file()));
            let file = file.map_or("the defaults".to_owned(), |file| file.display().to_string());
            report.ok("configuration", file);
            Some(Patient {
                settings,
                shared,
                layout,
                clock: Clock::system(),
                sources: None,
                keks: None,
            })
        }
        Err(error) => {
            report.failed(
                "configuration",
                told(&error),
                "nothing else can be looked at before that: docs/operate.md has all names",
            );
            None
        }
    }
}

/// An error with its causes, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
