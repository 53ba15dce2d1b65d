//! The page before something is deleted: what goes, what stays and why, and what to know.

use api::keystore::v1::DeletionVerdict;
use askama::Template;
use serde::Deserialize;
use tonic::Status;

use super::{
    frame::Frame,
    parts::Chip,
    problem::Problem,
    refused::{Refused, Wrongs},
    wrong::sentence,
};

/// What is to go.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Selected {
    /// The ids.
    pub select: Vec<String>,
    /// What was typed to confirm it.
    pub confirm: String,
}

/// Why there is nothing to review: in the words of who was asked.
pub fn not_asked(status: Status) -> Problem {
    match Refused::of(status) {
        Ok(refused) => {
            let wrong = refused.fields.into_iter().next();
            Problem::Refused(wrong.map_or(refused.message, |wrong| wrong.description))
        }
        Err(problem) => problem,
    }
}

/// What kind of things go.
pub struct Kind {
    /// "certificate request"
    pub one: &'static str,
    /// "certificate requests"
    pub many: &'static str,
    /// Their list, and what their pages begin with.
    pub list: &'static str,
    /// What to know before anything of the kind goes.
    pub sub: &'static str,
    /// Beside the button.
    pub foot: &'static str,
    /// Why a word has to be typed, where it has.
    pub typed: Option<&'static str>,
}

/// The page.
#[derive(Template)]
#[template(path = "review.html")]
pub struct Review {
    frame: Frame,
    kind: &'static Kind,
    lines: Vec<Line>,
    wrongs: Wrongs,
    /// What was typed to confirm.
    typed: String,
    /// Some went already; these are what is left.
    gone: usize,
}

struct Line {
    id: String,
    name: String,
    goes: bool,
    chip: Chip,
    about: Vec<String>,
    keep: String,
}

impl Review {
    /// Of what a dry run said.
    pub fn new(frame: Frame, kind: &'static Kind, verdicts: &[DeletionVerdict]) -> Review {
        let lines = verdicts
            .iter()
            .map(|verdict| Line::new(kind, verdict, verdicts));
        Review {
            lines: lines.collect(),
            frame,
            kind,
            wrongs: Wrongs::default(),
            typed: String::new(),
            gone: 0,
        }
    }

    /// Of what was said when it was to go: what is left is shown.
    pub fn left(frame: Frame, kind: &'static Kind, verdicts: &[DeletionVerdict]) -> Review {
        let stays = verdicts.iter().filter(|verdict| !verdict.deleted);
        let stays = stays.cloned().collect::<Vec<_>>();
        Review {
            gone: verdicts.len() - stays.len(),
            ..Review::new(frame, kind, &stays)
        }
    }

    /// Whether it was confirmed as it must be; says so beside the field where it was not.
    pub fn confirmed(&mut self, typed: &str) -> bool {
        let needed = self.confirmation();
        if needed.is_none_or(|needed| needed == typed.trim()) {
            return true;
        }
        typed.clone_into(&mut self.typed);
        self.wrongs
            .add("confirm", "Type the two words as they stand there");
        false
    }

    /// What has to be typed.
    fn confirmation(&self) -> Option<String> {
        (self.kind.typed.is_some() && self.going() > 0).then(|| format!("delete {}", self.going()))
    }

    fn going(&self) -> usize {
        self.lines.iter().filter(|line| line.goes).count()
    }

    /// "3 keys"
    fn counted(&self) -> String {
        match self.going() {
            1 => format!("1 {}", self.kind.one),
            n => format!("{n} {}", self.kind.many),
        }
    }
}

impl Line {
    fn new(kind: &Kind, verdict: &DeletionVerdict, all: &[DeletionVerdict]) -> Line {
        let others = all.iter().filter(|other| other.id != verdict.id);
        let others = others.map(|other| format!("select={}", other.id));
        let others = others.collect::<Vec<_>>().join("&");
        Line {
            id: verdict.id.clone(),
            name: match verdict.name.as_str() {
                "" => format!("A {} that is not here", kind.one),
                name => name.to_owned(),
            },
            goes: verdict.deleted,
            chip: match verdict.deleted {
                true => Chip::new("Goes", "error", "trash"),
                false => Chip::new("Stays", "pending", "lock"),
            },
            about: match verdict.deleted {
                true => verdict.warnings.iter().map(|text| sentence(text)).collect(),
                false => vec![sentence(&verdict.message)],
            },
            keep: match others.is_empty() {
                true => kind.list.to_owned(),
                false => format!("{}/delete?{others}", kind.list),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_leaves_the_others() {
        let verdict = |id: &str| DeletionVerdict {
            id: id.into(),
            ..DeletionVerdict::default()
        };
        let all = [verdict("1"), verdict("2"), verdict("3")];
        let kind = Kind {
            one: "key",
            many: "keys",
            list: "/keys",
            sub: "",
            foot: "",
            typed: None,
        };
        let keep = |n: usize, all: &[DeletionVerdict]| Line::new(&kind, &all[n], all).keep;
        assert_eq!(keep(1, &all), "/keys/delete?select=1&select=3");
        assert_eq!(keep(0, &all[..1]), "/keys");
    }
}
