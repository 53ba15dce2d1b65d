//! Who may do what, all of it: tried on the running system, held against what is declared, and written down in
//! `docs/access.md`, where a reviewer sees each change of a right as a changed line.

mod bus;
mod outside;
mod services;

use std::{fmt::Write, fs};

use tonic::{Code, Status};
use town::{Town, installation::Installation, tools::workspace};

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_do_what_is_declared_and_nothing_else() {
    let town = Town::with_services_apart().await;
    let services = services::tried(&town).await;
    let outside = outside::tried(&town).await;
    drop(town);
    // What its users may append is appended: no service must read that.
    let folder = tempfile::tempdir().unwrap();
    let mut alone = Installation::new(folder.path(), "");
    alone.event_log_alone().await;
    let bus = bus::tried(&alone).await;

    let mut text = INTRODUCTION.to_owned();
    for table in [outside, services, bus.publishes, bus.hears] {
        write!(text, "\n{table}").unwrap();
    }
    let file = workspace().join("docs/access.md");
    let pinned = fs::read_to_string(&file).unwrap_or_default();
    if pinned != text {
        fs::write(&file, text).unwrap();
        panic!("rights have changed: docs/access.md is written anew, look at its diff");
    }
}

/// One table of the document.
pub struct Table {
    title: &'static str,
    explained: &'static str,
    what: &'static str,
    who: Vec<String>,
    rows: Vec<(String, Vec<bool>)>,
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "## {}\n\n{}\n", self.title, self.explained)?;
        writeln!(f, "| {} | {} |", self.what, self.who.join(" | "))?;
        writeln!(f, "| --- |{}", " --- |".repeat(self.who.len()))?;
        for (what, may) in &self.rows {
            let may = may.iter().map(|may| if *may { " yes |" } else { " |" });
            writeln!(f, "| `{what}` |{}", may.collect::<String>())?;
        }
        Ok(())
    }
}

/// Whether an answer says that this caller may not do that at all. Everything else, other refusals too, comes
/// from behind the door.
fn is_shut_out(answer: &Result<(), Status>, reasons: &[&str]) -> bool {
    let Err(status) = answer else { return false };
    let reason = api::refuse::reason(status).unwrap_or_default();
    let shut = reasons.contains(&reason.as_str());
    assert!(
        shut || !matches!(
            status.code(),
            Code::PermissionDenied | Code::Unauthenticated
        ),
        "{status:?}"
    );
    shut
}

const INTRODUCTION: &str = "\
# Who may do what

Written by a test (`tests/stories/access.rs`) that tries all of it on the running system, and fails where what is
declared in `proto/` or in `nats.conf` says something else. Do not change it by hand: run the test, and look at the diff.
";
