//! What the list is asked to show, as it stands in the query string: it survives every form.

mod address;

use serde::Deserialize;

use super::view::View;
use crate::web::{algorithm, filter};

/// The list's state. All of it is text: what cannot be read is as if it was left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct State {
    #[serde(default)]
    view: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    renewal: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    per: String,
    /// Where the page begins; empty for the first.
    #[serde(default)]
    page: String,
    /// Where the pages before it begin, as far as they are remembered; the nearest last.
    #[serde(default)]
    back: Vec<String>,
    /// How many rows are before it.
    #[serde(default)]
    before: String,
    /// What is ticked when it opens: "page" or "all".
    #[serde(default)]
    pick: String,
    /// The columns that it shows; none for all.
    #[serde(default)]
    show: Vec<String>,
    /// The moment that it is of.
    #[serde(default)]
    as_of: String,
}

/// What is ticked when the page opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picked {
    /// Nothing.
    None,
    /// All rows of this page.
    Page,
    /// All that the view and its filters hold.
    All,
}

/// Where a page begins: in one of the list's runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Which of them.
    pub run: usize,
    /// With this page token; empty for its first row.
    pub token: String,
}

impl State {
    /// The state with this query, which a page of ours has written.
    pub fn of(query: &str) -> State {
        serde_html_form::from_str(query).unwrap_or_default()
    }

    /// Which view.
    pub fn view(&self) -> View {
        let view = View::ALL.into_iter().find(|view| view.word() == self.view);
        view.unwrap_or_default()
    }

    /// What is looked for.
    pub fn looked_for(&self) -> &str {
        clean(&self.q)
    }

    /// Whose certificates.
    pub fn issuer(&self) -> &str {
        clean(&self.issuer)
    }

    /// "automatic" or "by-hand"; empty for both.
    pub fn renewal(&self) -> &str {
        one_of(&self.renewal, &["automatic", "by-hand"])
    }

    /// The word of an algorithm; empty for all.
    pub fn key(&self) -> &str {
        one_of(&self.key, &algorithm::CHOICES.map(|kind| kind.value))
    }

    /// By what the list is sorted, and whether the greatest comes first.
    pub fn sort(&self) -> (&str, bool) {
        let (field, reverse) = match self.sort.strip_prefix('-') {
            Some(field) => (field, true),
            None => (self.sort.as_str(), false),
        };
        match one_of(field, &["name", "status", "issuer", "not_after"]) {
            "" => ("not_after", false),
            field => (field, reverse),
        }
    }

    /// How many rows a page has.
    pub fn per(&self) -> u32 {
        let per = self.per.parse().ok();
        per.filter(|per| SIZES.contains(per)).unwrap_or(SIZES[0])
    }

    /// How many rows are before this page.
    pub fn before(&self) -> u32 {
        match self.page.is_empty() {
            true => 0,
            false => self.before.parse().unwrap_or_default(),
        }
    }

    /// Whether the page before this one is remembered.
    pub fn has_earlier(&self) -> bool {
        !self.page.is_empty()
    }

    /// Whether it shows this of the [`COLUMNS`].
    pub fn shows(&self, column: &str) -> bool {
        self.show.is_empty() || self.show.iter().any(|shown| shown == column)
    }

    /// What is ticked.
    pub fn picked(&self) -> Picked {
        match self.pick.as_str() {
            "page" => Picked::Page,
            "all" => Picked::All,
            _ => Picked::None,
        }
    }

    /// Where the page begins.
    pub fn place(&self) -> Place {
        let place = self.page.split_once('.').and_then(|(run, token)| {
            let run = run.parse().ok()?;
            let token = token.to_owned();
            Some(Place { run, token })
        });
        place.unwrap_or_default()
    }

    /// The filter of certificates; none, where none are wanted.
    pub fn certificates(&self) -> Option<String> {
        let mut filter = self.view().certificates()?.to_owned();
        let mut add = |term: &str, value: &str| {
            if !value.is_empty() {
                filter.push(' ');
                filter.push_str(term);
                filter.push_str(value);
            }
        };
        add("any:", &quoted(self.looked_for()));
        add("issuer:", &quoted(self.issuer()));
        add("renewal=", self.renewal());
        add("algorithm=", self.key());
        Some(filter)
    }

    /// The filter of automations that have no certificate yet; none, where none are wanted.
    pub fn automations(&self) -> Option<String> {
        // Nobody has issued them, and nothing is said of their keys in lists.
        let asked =
            self.issuer().is_empty() && self.key().is_empty() && self.renewal() != "by-hand";
        let filter = self.view().automations().filter(|_| asked)?;
        Some(match self.looked_for() {
            "" => filter.to_owned(),
            text => format!("{filter} name:{}", quoted(text)),
        })
    }

    /// Whether anything but the view bounds the list.
    pub fn is_filtered(&self) -> bool {
        let all = [self.looked_for(), self.issuer(), self.renewal(), self.key()];
        all.iter().any(|text| !text.is_empty())
    }

    /// The same list in another view, from its beginning.
    pub fn in_view(&self, view: View) -> State {
        State {
            view: view.word().to_owned(),
            ..self.at_start()
        }
    }

    /// All that is there at its moment, and nothing else asked for.
    pub fn everything(&self) -> State {
        State {
            as_of: self.as_of.clone(),
            ..State::default()
        }
    }

    /// The same without what is looked for.
    pub fn looking_for_nothing(&self) -> State {
        State {
            q: String::new(),
            ..self.at_start()
        }
    }

    /// The same of any issuer.
    pub fn of_any_issuer(&self) -> State {
        State {
            issuer: String::new(),
            ..self.at_start()
        }
    }

    /// The same, renewed so.
    pub fn renewed(&self, how: &str) -> State {
        State {
            renewal: how.to_owned(),
            ..self.at_start()
        }
    }

    /// The same, with such keys.
    pub fn keyed(&self, algorithm: &str) -> State {
        State {
            key: algorithm.to_owned(),
            ..self.at_start()
        }
    }

    /// The same, sorted by this; the other way round where it is so already.
    pub fn sorted_by(&self, field: &str) -> State {
        let reverse = self.sort() == (field, false);
        State {
            sort: format!("{}{field}", if reverse { "-" } else { "" }),
            ..self.at_start()
        }
    }

    /// The same, with so many rows a page.
    pub fn with_rows(&self, per: u32) -> State {
        State {
            per: per.to_string(),
            ..self.at_start()
        }
    }

    /// The same page, with this ticked.
    pub fn ticked(&self, picked: Picked) -> State {
        let pick = match picked {
            Picked::None => "",
            Picked::Page => "page",
            Picked::All => "all",
        };
        State {
            pick: pick.to_owned(),
            ..self.clone()
        }
    }

    /// The first page.
    pub fn at_start(&self) -> State {
        State {
            page: String::new(),
            back: Vec::new(),
            before: String::new(),
            pick: String::new(),
            ..self.clone()
        }
    }

    /// The page after this one, which has so many rows.
    pub fn next(&self, place: &Place, rows: usize) -> State {
        let mut back = self.back.clone();
        back.push(self.page.clone());
        let forgotten = back.len().saturating_sub(REMEMBERED);
        back.drain(..forgotten);
        State {
            page: format!("{}.{}", place.run, place.token),
            back,
            before: (self.before() as usize + rows).to_string(),
            pick: String::new(),
            ..self.clone()
        }
    }

    /// The page before this one; the first where it is not remembered.
    pub fn previous(&self) -> State {
        let mut back = self.back.clone();
        match back.pop() {
            Some(page) if !page.is_empty() => State {
                page,
                back,
                before: self.before().saturating_sub(self.per()).to_string(),
                pick: String::new(),
                ..self.clone()
            },
            _ => self.at_start(),
        }
    }
}

/// At most what a search needs, without what no name has.
fn clean(text: &str) -> &str {
    let text = text.trim();
    let text = text
        .get(..text.floor_char_boundary(LONGEST_TEXT))
        .unwrap_or_default();
    match text.chars().any(char::is_control) {
        true => "",
        false => text,
    }
}

fn one_of<'a>(text: &str, words: &[&'a str]) -> &'a str {
    words
        .iter()
        .find(|word| **word == text)
        .copied()
        .unwrap_or_default()
}

/// A value of a filter; empty for an empty one.
fn quoted(text: &str) -> String {
    match text {
        "" => String::new(),
        text => filter::quoted(text),
    }
}

/// The list's address.
pub const PATH: &str = "/certificates";

/// The column that is always there.
pub const NAME: &str = "name";

/// The columns that may be left out, as the query string and people call them.
pub const COLUMNS: [(&str, &str); 5] = [
    ("status", "Status"),
    ("issuer", "Issuer and key"),
    ("expires", "Expires"),
    ("renewal", "Renewal"),
    ("default", "Default"),
];

/// How many rows a page may have; the first where nobody says.
pub const SIZES: [u32; 3] = [25, 50, 100];

/// So many earlier pages are remembered in the address.
const REMEMBERED: usize = 4;

const LONGEST_TEXT: usize = 100;

#[cfg(test)]
mod tests;
