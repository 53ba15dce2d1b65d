//! A state as an address, and as the fields of a form.

use super::{COLUMNS, NAME, PATH, SIZES, State, View};

impl State {
    /// What stands in the query string, with nothing that goes without saying.
    pub fn query(&self) -> String {
        let whole = self.written();
        // A page of ours is no longer than that: then it is forgotten how one came here.
        match whole.len() <= LONGEST {
            true => whole,
            false => self.at_start().written(),
        }
    }

    /// The page's address.
    pub fn url(&self) -> String {
        match self.query().as_str() {
            "" => PATH.to_owned(),
            query => format!("{PATH}?{query}"),
        }
    }

    /// Every part of it that is not empty, by its name in the query string.
    pub fn parts(&self) -> Vec<(&'static str, String)> {
        let view = match self.view() {
            View::All => "",
            view => view.word(),
        };
        let sort = match self.sort() {
            ("not_after", false) => String::new(),
            (field, reverse) => format!("{}{field}", if reverse { "-" } else { "" }),
        };
        let per = match self.per() {
            per if per == SIZES[0] => String::new(),
            per => per.to_string(),
        };
        let before = match self.before() {
            0 => String::new(),
            before => before.to_string(),
        };
        let mut parts = vec![
            ("view", view.to_owned()),
            ("q", self.looked_for().to_owned()),
            ("issuer", self.issuer().to_owned()),
            ("renewal", self.renewal().to_owned()),
            ("key", self.key().to_owned()),
            ("sort", sort),
            ("per", per),
            ("page", self.page.clone()),
            ("before", before),
            ("pick", self.pick.clone()),
            ("as_of", self.as_of.clone()),
        ];
        parts.retain(|(_, value)| !value.is_empty());
        if !self.page.is_empty() {
            parts.extend(self.back.iter().map(|page| ("back", page.clone())));
        }
        if COLUMNS.iter().any(|(column, _)| !self.shows(column)) {
            let shown = COLUMNS.iter().filter(|(column, _)| self.shows(column));
            // The first one always is.
            let shown = shown.map(|(column, _)| *column);
            let shown = [NAME].into_iter().chain(shown);
            parts.extend(shown.map(|column| ("show", column.to_owned())));
        }
        parts
    }

    /// [`State::parts`], but for the columns.
    pub fn parts_but_columns(&self) -> Vec<(&'static str, String)> {
        let mut parts = self.parts();
        parts.retain(|(name, _)| *name != "show");
        parts
    }

    fn written(&self) -> String {
        serde_urlencoded::to_string(self.parts()).unwrap_or_default()
    }
}

/// What a page of ours may have for a query: see [`crate::web::next`].
const LONGEST: usize = 900;
