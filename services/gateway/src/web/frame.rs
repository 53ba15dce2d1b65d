//! The frame of every page for a person who is signed in.

use super::{visitor::SignedIn, wording};

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
    /// For the forms.
    pub token: String,
    /// What was done.
    pub note: Option<&'static str>,
}

impl Frame {
    /// For this person, at this place.
    pub fn new(person: &SignedIn, here: &'static str) -> Frame {
        let name = person.session.display_name.clone();
        Frame {
            here,
            initials: initials(&name),
            name,
            role: wording::role(person.session.role),
            token: person.visitor.token(),
            note: None,
        }
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
