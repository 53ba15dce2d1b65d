//! The list of certificates.

use api::projection::v1::CountCertificatesResponse;
use askama::Template;
use axum::{extract::State as Shared, http::StatusCode, response::Response};
use tonic::{Code, Status};

use super::{
    super::algorithm,
    fetch::{self, Found, Item},
    row::{Row, Standing},
    state::{COLUMNS, NAME, Picked, SIZES, State},
    view::View,
};
use crate::web::{
    asked::Asked,
    at::At,
    desk::Desk,
    frame::Frame,
    page::{render, see_other},
    parts::Away,
    problem::Problem,
    visitor::SignedIn,
    when::grouped,
};

/// `GET /certificates`
pub async fn page(
    Shared(desk): Shared<Desk>,
    person: SignedIn,
    Asked(state): Asked<State>,
    Asked(at): Asked<At>,
) -> Result<Response, Problem> {
    let late = at.reached(&desk, &person).await;
    let (found, counts) = tokio::join!(
        fetch::found(&desk, &person, &state),
        fetch::counts(&desk, &person)
    );
    // What a page began after may be of an earlier version of this page: then it begins anew.
    let stale = |status: &Status| status.code() == Code::InvalidArgument;
    if found.as_ref().is_err_and(stale) && state.has_earlier() {
        return Ok(see_other(&state.at_start().url()));
    }
    let mut frame = Frame::new(&person, "/certificates");
    frame.note = at.done.as_deref().and_then(note);
    frame.late = late;
    let now = person.now(&desk);
    let (found, away) = match found {
        Ok(found) => (found, None),
        Err(status) => (Found::default(), Some(Away::from(status))),
    };
    let picked = state.picked();
    let is_ticked = picked != Picked::None;
    let rows = found.rows.iter().map(|row| match row {
        Item::Certificate(row) => Row::of(row, now, is_ticked),
        Item::Automation(row) => Row::never_issued(row, now),
    });
    let rows = rows.collect::<Vec<_>>();
    let next = found.next.as_ref();
    let list = List {
        next: next.map(|place| state.next(place, rows.len()).url()),
        chosen: rows.iter().filter(|row| row.can_be_chosen).count(),
        rows,
        counts: counts.ok(),
        frame,
        away,
        state,
    };
    render(StatusCode::OK, &list)
}

/// What was done, in words.
fn note(done: &str) -> Option<&'static str> {
    match done {
        "deleted" => Some("Deleted. What was deleted can be restored: it is under Deleted."),
        "restored" => Some("Restored. It is back among the certificates."),
        "renewing" => Some("Renewal has begun. The rows below change as it goes on."),
        "default" => Some("Saved. It answers now where no name does."),
        "default-cleared" => {
            Some("Saved. The certificate from the first start answers now where no name does.")
        }
        _ => None,
    }
}

#[derive(Template)]
#[template(path = "certificates/list.html")]
struct List {
    frame: Frame,
    state: State,
    rows: Vec<Row>,
    /// How many of them can be chosen.
    chosen: usize,
    next: Option<String>,
    /// None where they are away.
    counts: Option<CountCertificatesResponse>,
    away: Option<Away>,
}

/// A view above the list.
struct Tab {
    title: &'static str,
    href: String,
    count: Option<String>,
    is_here: bool,
}

/// A choice in a menu of filters.
struct Choice {
    word: &'static str,
    title: &'static str,
    href: String,
    is_here: bool,
}

/// Why the list is empty.
enum Empty {
    /// There is nothing at all.
    Nothing,
    /// Nothing is in this view.
    View(&'static str),
    /// Nothing matches.
    Filter(String),
}

impl List {
    fn tabs(&self) -> Vec<Tab> {
        let here = self.state.view();
        let tabs = View::ALL.into_iter().filter_map(|view| {
            let counts = self.counts.as_ref();
            let count = counts.map(|counts| fetch::count(counts, view).0);
            // The last two are asked for seldom.
            let is_seldom = matches!(view, View::Authorities | View::Deleted);
            let shows = !is_seldom || view == here || count.is_some_and(|count| count > 0);
            shows.then(|| Tab {
                title: view.title(),
                href: self.state.in_view(view).url(),
                count: count.map(|count| grouped(count.into())),
                is_here: view == here,
            })
        });
        tabs.collect()
    }

    fn renewals(&self) -> Vec<Choice> {
        let choices = [
            ("", "Any"),
            ("automatic", "Automatic"),
            ("by-hand", "By hand"),
        ];
        let choices = choices.into_iter().map(|(word, title)| Choice {
            word,
            title,
            href: self.state.renewed(word).url(),
            is_here: self.state.renewal() == word,
        });
        choices.collect()
    }

    fn keys(&self) -> Vec<Choice> {
        let kinds = algorithm::CHOICES.into_iter();
        let kinds = kinds.map(|kind| (kind.value, kind.word));
        let choices = [("", "Any")]
            .into_iter()
            .chain(kinds)
            .map(|(word, title)| Choice {
                word,
                title,
                href: self.state.keyed(word).url(),
                is_here: self.state.key() == word,
            });
        choices.collect()
    }

    /// What the key filter is set to.
    fn key(&self) -> Option<&'static str> {
        let mut kinds = algorithm::CHOICES.into_iter();
        let kind = kinds.find(|kind| kind.value == self.state.key());
        kind.map(|kind| kind.word)
    }

    fn renewal(&self) -> Option<&'static str> {
        match self.state.renewal() {
            "automatic" => Some("Automatic"),
            "by-hand" => Some("By hand"),
            _ => None,
        }
    }

    /// `aria-sort` of a column and its icon, where the list is sorted by it.
    fn sorted(&self, field: &str) -> Option<(&'static str, &'static str)> {
        match self.state.sort() {
            (by, false) if by == field => Some(("ascending", "up")),
            (by, true) if by == field => Some(("descending", "down")),
            _ => None,
        }
    }

    fn sort(&self, field: &str) -> String {
        self.state.sorted_by(field).url()
    }

    /// In which order the rows are, for the caption.
    fn order(&self) -> &'static str {
        match self.state.sort() {
            ("name", false) => "by name",
            ("name", true) => "by name, from the end",
            ("issuer", false) => "by issuer",
            ("issuer", true) => "by issuer, from the end",
            ("status", false) => "what wants you first",
            ("status", true) => "what wants you last",
            (_, true) => "latest expiry first",
            _ => "soonest expiry first",
        }
    }

    /// How many rows and certificates the list has on all its pages, where that is known.
    fn total(&self) -> Option<(usize, usize)> {
        let counts = self.counts.as_ref().filter(|_| !self.state.is_filtered());
        let (rows, certificates) = match counts {
            Some(counts) => fetch::count(counts, self.state.view()),
            None if self.next.is_none() && !self.state.has_earlier() => {
                return Some((self.rows.len(), self.chosen));
            }
            None => return None,
        };
        Some((rows as usize, certificates as usize))
    }

    /// "1–25 of 412".
    fn range(&self) -> String {
        let before = self.state.before() as usize;
        let (first, last) = (before + 1, before + self.rows.len());
        let number = |number: usize| grouped(number as u64);
        let range = format!("{}–{}", number(first), number(last));
        match self.total() {
            Some((total, _)) if total >= last => format!("{range} of {}", number(total)),
            _ if self.next.is_some() => format!("{range}, and more"),
            _ => range,
        }
    }

    /// What can be chosen beyond this page: all of it, in words.
    fn beyond(&self) -> Option<String> {
        let is_more = self.next.is_some() || self.state.has_earlier();
        match self.total() {
            _ if !is_more || self.chosen == 0 => None,
            Some((_, certificates)) if certificates <= self.chosen => None,
            Some((_, certificates)) => Some(grouped(certificates as u64)),
            None => Some("that match".to_owned()),
        }
    }

    fn all_are_picked(&self) -> bool {
        self.state.picked() == Picked::All
    }

    fn pick(&self, picked: &str) -> String {
        let picked = match picked {
            "page" => Picked::Page,
            "all" => Picked::All,
            _ => Picked::None,
        };
        self.state.ticked(picked).url()
    }

    fn sizes(&self) -> Vec<(u32, String, bool)> {
        let sizes = SIZES.into_iter();
        let sizes = sizes.map(|size| {
            (
                size,
                self.state.with_rows(size).url(),
                size == self.state.per(),
            )
        });
        sizes.collect()
    }

    fn previous(&self) -> Option<String> {
        self.state
            .has_earlier()
            .then(|| self.state.previous().url())
    }

    /// Where one can be chosen as the default.
    fn shows_default(&self) -> bool {
        let may_be = !matches!(self.state.view(), View::Authorities | View::Deleted);
        may_be && self.state.shows("default")
    }

    fn shows_deleted(&self) -> bool {
        self.state.view() == View::Deleted
    }

    fn empty(&self) -> Option<Empty> {
        if !self.rows.is_empty() || self.away.is_some() {
            return None;
        }
        let view = self.state.view();
        Some(match (view, self.state.looked_for()) {
            (_, "") if self.state.is_filtered() => Empty::Filter("these filters".to_owned()),
            (View::All, "") => Empty::Nothing,
            (View::Need, "") => Empty::View("Nothing needs you."),
            (_, "") => Empty::View("There is none."),
            (_, text) => Empty::Filter(format!("“{text}”")),
        })
    }

    fn without_search(&self) -> String {
        self.state.looking_for_nothing().url()
    }

    fn of_any_issuer(&self) -> String {
        self.state.of_any_issuer().url()
    }

    /// All that is here, and nothing else asked for.
    fn everything(&self) -> String {
        self.state.everything().url()
    }
}
