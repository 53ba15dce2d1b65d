//! The frame of every page for a person who is signed in.

use api::options::v1::Role;

use super::{counts::Counts, past::Past, visitor::SignedIn, wording};
use crate::principal::rank;

/// What stands around a page.
pub struct Frame {
    /// Which of the places in the sidebar this is, by its path; empty: none.
    pub here: &'static str,
    /// What others call him.
    pub name: String,
    /// Two letters of it.
    pub initials: String,
    /// What he may do.
    pub role: &'static str,
    /// He may change what there is: an operator.
    pub may_change: bool,
    /// He may decide who may: an administrator.
    pub may_administer: bool,
    /// How much there is of what; nothing, while the projection is away.
    pub counts: Option<Counts>,
    /// For the forms.
    pub token: String,
    /// What was done.
    pub note: Option<&'static str>,
    /// What else is to be known of the page: that it is behind, for example.
    pub late: Option<&'static str>,
    /// The moment that it is of, where it is not of now.
    pub past: Option<Past>,
    /// The page, whatever its moment, where it may be one of the past.
    pub place: Option<String>,
}

impl Frame {
    /// For this person, at this place.
    pub fn new(person: &SignedIn, here: &'static str) -> Frame {
        let name = person.session.display_name.clone();
        // Nothing of the past can be changed.
        let is_now = person.visitor.past.is_none();
        let may = |role| is_now && rank(person.session.role) >= rank(role);
        Frame {
            here,
            initials: initials(&name),
            name,
            role: wording::role(person.session.role),
            may_change: may(Role::Operator),
            may_administer: may(Role::Admin),
            counts: person.visitor.counts,
            token: person.visitor.token(),
            note: None,
            late: None,
            past: person.visitor.past.clone(),
            place: person.visitor.place.clone(),
        }
    }

    /// What keeps a link in the page's moment; behind a path.
    pub fn as_of(&self) -> String {
        self.moment('?')
    }

    /// The same behind a query.
    pub fn and_as_of(&self) -> String {
        self.moment('&')
    }

    /// A link in the page's moment, if it leads to where the past is known.
    pub fn kept(&self, href: &str) -> String {
        match href.contains('#') {
            true => href.to_owned(),
            false if href.contains('?') => format!("{href}{}", self.and_as_of()),
            false => format!("{href}{}", self.as_of()),
        }
    }

    fn moment(&self, joint: char) -> String {
        let past = self.past.as_ref();
        past.map_or_else(String::new, |past| format!("{joint}as_of={}", past.word))
    }
}

/// The first letters of the first two words, or the first two letters.
fn initials(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty()).collect::<Vec<_>>();
    let letters: String = match words[..] {
        [] => String::new(),
        [word] => word.chars().take(2).collect(),
        [first, second, ..] => first
            .chars()
            .take(1)
            .chain(second.chars().take(1))
            .collect(),
    };
    letters.to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_two_letters() {
        for (name, letters) in [
            ("Rosa Luz Marín", "RL"),
            ("rosa.marin", "RM"),
            ("ops", "OP"),
            ("ä", "Ä"),
            ("  ", ""),
        ] {
            assert_eq!(initials(name), letters, "{name}");
        }
    }
}
