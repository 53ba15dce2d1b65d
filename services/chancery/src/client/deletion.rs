//! Deleting: what would go is shown before it goes, and each thing has its own verdict.

use api::{
    csr::v1::DeleteRequestsResponse,
    keystore::v1::{DeleteCertificatesResponse, DeletionVerdict, DestroyKeysResponse},
};
use clap::Args;
use serde::Serialize;

use super::{
    ClientError, answer,
    terminal::{self, Consent},
};
use crate::cli::Output;

/// How a deletion is agreed to.
#[derive(Debug, Clone, Default, Args)]
pub struct DeletionArgs {
    /// Only show what would go, and what would not and why.
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
}

/// What is deleted, for people.
#[derive(Debug, Clone, Copy)]
pub struct Noun {
    /// Of one.
    pub one: &'static str,
    /// Of any other number.
    pub many: &'static str,
    /// What to know before it goes; and with it whether it is asked for in full.
    pub for_good: Option<&'static str>,
}

/// An answer with verdicts.
pub trait Verdicts: Serialize {
    /// In the order that was asked for.
    fn verdicts(&self) -> &[DeletionVerdict];
}

impl Verdicts for DeleteCertificatesResponse {
    fn verdicts(&self) -> &[DeletionVerdict] {
        &self.certificates
    }
}

impl Verdicts for DeleteRequestsResponse {
    fn verdicts(&self) -> &[DeletionVerdict] {
        &self.requests
    }
}

impl Verdicts for DestroyKeysResponse {
    fn verdicts(&self) -> &[DeletionVerdict] {
        &self.keys
    }
}

impl DeletionArgs {
    /// Whether it is clear how it will be agreed to.
    ///
    /// # Errors
    /// Where nobody is there to ask.
    fn check(&self) -> Result<(), ClientError> {
        if self.dry_run || self.yes || terminal::can_ask() {
            return Ok(());
        }
        Err(ClientError::Usage {
            what: "there is no terminal to ask on: say --yes, or --dry-run to see what would go"
                .into(),
        })
    }
}

/// The ids of what is called so, each found by `find`, once it is clear how the deletion will be agreed to.
///
/// # Errors
/// Where nobody is there to ask, or the first of them is not found.
pub async fn ids(
    args: &DeletionArgs,
    names: &[String],
    find: impl AsyncFn(&str) -> Result<String, ClientError>,
) -> Result<Vec<String>, ClientError> {
    args.check()?;
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        ids.push(find(name).await?);
    }
    Ok(ids)
}

/// Shows, asks, deletes. `delete` takes the ids, and whether it is a dry run.
///
/// # Errors
/// [`ClientError::NotDone`] where something of it stays, or would.
pub async fn run<A: Verdicts>(
    args: &DeletionArgs,
    noun: Noun,
    ids: Vec<String>,
    output: Output,
    delete: impl AsyncFn(Vec<String>, bool) -> Result<A, ClientError>,
) -> Result<(), ClientError> {
    let ids = each_once(ids);
    let asked = ids.len();
    let ids = match args.yes || args.dry_run {
        true => ids,
        false => reviewed(noun, ids, &delete).await?,
    };
    let answer = delete(ids, args.dry_run).await?;
    match output {
        Output::Json => answer::json(&answer)?,
        Output::Table => {
            let gone = if args.dry_run { "would go" } else { "gone" };
            answer::line(&shown(answer.verdicts(), gone))?;
        }
    }
    match asked - answer.verdicts().iter().filter(|v| v.deleted).count() {
        0 => Ok(()),
        stay => Err(ClientError::NotDone {
            what: match args.dry_run {
                true => format!("{stay} of {asked} would stay"),
                false => format!("{stay} of {asked} stayed"),
            },
        }),
    }
}

/// The ids that go, once the person has seen them and agreed.
async fn reviewed<A: Verdicts>(
    noun: Noun,
    ids: Vec<String>,
    delete: impl AsyncFn(Vec<String>, bool) -> Result<A, ClientError>,
) -> Result<Vec<String>, ClientError> {
    let review = delete(ids, true).await?;
    eprintln!("{}\n", shown(review.verdicts(), "will go"));
    let going = review.verdicts().iter().filter(|v| v.deleted);
    let going = going.map(|v| v.id.clone()).collect::<Vec<_>>();
    let nothing = |what: &str| Err(ClientError::NotDone { what: what.into() });
    let (what, consent) = match (going.len(), noun.for_good) {
        (0, _) => return nothing("none of it can go: nothing was deleted"),
        (1, None) => (format!("Delete this {}?", noun.one), Consent::Short),
        (n, None) => (format!("Delete these {n} {}?", noun.many), Consent::Short),
        (n, Some(warning)) => {
            let these = match n {
                1 => format!("this {}", noun.one),
                n => format!("these {n} {}", noun.many),
            };
            (
                format!("{warning}\nDestroy {these} for good?"),
                Consent::InFull,
            )
        }
    };
    match terminal::agrees(&what, consent)? {
        true => Ok(going),
        false => nothing("nothing was deleted"),
    }
}

fn shown(verdicts: &[DeletionVerdict], gone: &str) -> String {
    let rows = verdicts.iter().map(|verdict| {
        let (fate, mut about) = match verdict.deleted {
            true => (gone, Vec::new()),
            false => (
                "stays",
                vec![format!("{} ({})", verdict.message, verdict.reason)],
            ),
        };
        about.extend(verdict.warnings.iter().cloned());
        [
            verdict.name.clone(),
            fate.to_owned(),
            about.join("; "),
            verdict.id.clone(),
        ]
    });
    answer::columns(["name", "verdict", "about", "id"], rows)
}

fn each_once(ids: Vec<String>) -> Vec<String> {
    let mut once = Vec::with_capacity(ids.len());
    for id in ids {
        if !once.contains(&id) {
            once.push(id);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const KEYS: Noun = Noun {
        one: "key",
        many: "keys",
        for_good: None,
    };

    fn verdict(id: &str) -> DeletionVerdict {
        let stays = id == "in-use";
        DeletionVerdict {
            id: id.into(),
            name: format!("name of {id}"),
            deleted: !stays,
            reason: if stays { "KEY_IN_USE" } else { "" }.into(),
            message: if stays { "Shop uses it." } else { "" }.into(),
            warnings: vec!["It was never exported.".into()],
        }
    }

    async fn delete(
        args: &DeletionArgs,
        ids: &[&str],
    ) -> (Vec<(Vec<String>, bool)>, Result<(), ClientError>) {
        let asked = RefCell::new(Vec::new());
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let ended = run(
            args,
            KEYS,
            ids,
            Output::Json,
            async |ids: Vec<String>, dry| {
                asked.borrow_mut().push((ids.clone(), dry));
                Ok(DestroyKeysResponse {
                    keys: ids.iter().map(|id| verdict(id)).collect(),
                    position: 0,
                })
            },
        )
        .await;
        (asked.into_inner(), ended)
    }

    #[tokio::test]
    async fn a_dry_run_deletes_nothing_and_says_whether_all_would_go() {
        let args = DeletionArgs {
            dry_run: true,
            yes: false,
        };
        let (asked, ended) = delete(&args, &["a", "b", "a"]).await;
        assert_eq!(asked, [(vec!["a".into(), "b".into()], true)]);
        ended.unwrap();
        let (asked, ended) = delete(&args, &["a", "in-use"]).await;
        assert!(asked.iter().all(|(_, dry)| *dry));
        let error = ended.unwrap_err();
        assert_eq!(error.to_string(), "1 of 2 would stay");
    }

    #[tokio::test]
    async fn yes_deletes_at_once_and_what_stays_makes_a_refusal() {
        let args = DeletionArgs {
            dry_run: false,
            yes: true,
        };
        let (asked, ended) = delete(&args, &["a", "in-use"]).await;
        assert_eq!(asked, [(vec!["a".into(), "in-use".into()], false)]);
        assert_eq!(ended.unwrap_err().to_string(), "1 of 2 stayed");
    }

    #[test]
    fn a_verdict_shows_its_reason_and_its_warnings() {
        let text = shown(&[verdict("a"), verdict("in-use")], "will go");
        let lines = text.lines().collect::<Vec<_>>();
        assert!(
            lines[1].contains("will go") && lines[1].contains("never exported"),
            "{text}"
        );
        assert!(
            lines[2].contains("stays") && lines[2].contains("Shop uses it. (KEY_IN_USE)"),
            "{text}"
        );
    }
}
