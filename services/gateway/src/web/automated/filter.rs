//! What of the list is asked for, as it stands in the address; and how it is asked of the tables.

use serde::Deserialize;

use crate::web::{asked::asking, filter::quoted};

/// The query string of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Query {
    /// In the name.
    #[serde(default)]
    pub q: String,
    /// Which view.
    #[serde(default)]
    pub view: String,
    /// At which server, by its id.
    #[serde(default)]
    pub server: String,
    /// By what, "-" before it for the reverse.
    #[serde(default)]
    pub sort: String,
    /// How many on a page.
    #[serde(default)]
    pub size: String,
    /// Where the page begins; empty: at the first row.
    #[serde(default)]
    pub page: String,
    /// The moment that it is of.
    #[serde(default)]
    pub as_of: String,
}

/// The views: word in the address, name, terms of the filter.
pub const VIEWS: [(&str, &str, &str); 6] = [
    ("", "All", ""),
    ("error", "Need you", "status=error"),
    ("renewing", "Renewing", "status=renewing"),
    ("pending", "Pending", "status=pending"),
    ("paused", "Paused", "paused=true"),
    ("cancelled", "Cancelled", "cancelled=true"),
];

/// What the rows can be sorted by.
pub const SORTS: [&str; 3] = ["name", "renew_at", "created"];

/// How many rows may be asked for.
pub const SIZES: [u32; 3] = [25, 50, 100];

impl Query {
    /// The filter, as the tables read it.
    pub fn filter(&self) -> String {
        let view = VIEWS.iter().find(|(word, ..)| *word == self.view);
        let view = view.map_or("", |(.., terms)| *terms);
        let mut terms = Vec::new();
        if !view.is_empty() {
            terms.push(view.to_owned());
        }
        if !self.q.trim().is_empty() {
            terms.push(format!("name:{}", quoted(self.q.trim())));
        }
        if !self.server.is_empty() {
            terms.push(format!("server={}", quoted(&self.server)));
        }
        terms.join(" ")
    }

    /// The order, as the tables read it.
    pub fn sort(&self) -> String {
        match SORTS.contains(&self.sort.trim_start_matches('-')) {
            true => self.sort.clone(),
            false => SORTS[0].to_owned(),
        }
    }

    /// How many rows.
    pub fn size(&self) -> u32 {
        let asked = self.size.parse().ok();
        asked
            .filter(|size| SIZES.contains(size))
            .unwrap_or(SIZES[1])
    }

    /// The list with one thing of it changed: from its first row.
    pub fn with(&self, change: impl FnOnce(&mut Query)) -> String {
        let mut query = Query {
            page: String::new(),
            ..self.clone()
        };
        change(&mut query);
        query.path()
    }

    /// The order that a column's heading leads to.
    pub fn turned(&self, field: &str) -> String {
        let sort = match self.sort() == field {
            true => format!("-{field}"),
            false => field.to_owned(),
        };
        self.with(|query| query.sort = sort)
    }

    /// What `aria-sort` says of a column.
    pub fn sorted(&self, field: &str) -> Option<&'static str> {
        let sort = self.sort();
        match sort.strip_prefix('-') {
            Some(down) if down == field => Some("descending"),
            None if sort == field => Some("ascending"),
            _ => None,
        }
    }

    /// Whether anything is left out.
    pub fn narrows(&self) -> bool {
        !self.filter().is_empty()
    }

    /// Where the list is so.
    pub fn path(&self) -> String {
        let given = [
            ("q", self.q.as_str()),
            ("view", &self.view),
            ("server", &self.server),
            ("sort", &self.sort),
            ("size", &self.size),
            ("page", &self.page),
            ("as_of", &self.as_of),
        ];
        asking("/automated", &given)
    }
}

/// A value that may hold anything, as filters read it.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_a_filter() {
        let query = Query {
            q: r#" say "hi" "#.into(),
            view: "error".into(),
            server: "7".into(),
            ..Query::default()
        };
        assert_eq!(
            query.filter(),
            r#"status=error name:"say \"hi\"" server="7""#
        );
        assert_eq!(Query::default().filter(), "");
        let odd = Query {
            view: "all=x".into(),
            sort: "status".into(),
            size: "7".into(),
            ..Query::default()
        };
        assert_eq!(
            (odd.filter(), odd.sort(), odd.size()),
            (String::new(), "name".into(), 50)
        );
    }

    #[test]
    fn what_changes_begins_at_the_first_row_and_keeps_the_rest() {
        let query = Query {
            q: "a b".into(),
            sort: "-renew_at".into(),
            page: "token".into(),
            ..Query::default()
        };
        assert_eq!(
            query.with(|q| q.view = "paused".into()),
            "/automated?q=a+b&view=paused&sort=-renew_at"
        );
        assert_eq!(query.turned("name"), "/automated?q=a+b&sort=name");
        assert_eq!(query.turned("renew_at"), "/automated?q=a+b&sort=renew_at");
        assert_eq!(query.sorted("renew_at"), Some("descending"));
        assert_eq!(query.sorted("name"), None);
        assert_eq!(Query::default().turned("name"), "/automated?sort=-name");
    }
}
