//! What is to be mended in a form, beside the field where it is.

use crate::commands::{CommandError, Refusal};

/// One thing that is to be mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    field: &'static str,
    why: String,
}

/// Which passwords may be chosen, for people.
pub const RULE: &str =
    "At least 12 characters. Several words are best, and need no digits or signs.";

impl Wrong {
    /// In this field.
    pub fn at(field: &'static str, why: &str) -> Wrong {
        Wrong {
            field,
            why: sentence(why),
        }
    }

    /// The second password is another one.
    pub fn not_the_same() -> Wrong {
        Wrong::at("again", "That is not the same password.")
    }

    /// What a person can mend himself, of all that can go wrong.
    pub fn of(error: &CommandError) -> Option<Wrong> {
        let CommandError::Refused(refusal) = error else {
            return None;
        };
        let field = match refusal {
            Refusal::Unfit(_) => "password",
            Refusal::LoginNameTaken => "name",
            Refusal::EmailTaken => "email",
            Refusal::PasswordWrong => "old",
            Refusal::Directory(_)
            | Refusal::Session(_)
            | Refusal::Token(_)
            | Refusal::TokenNameTaken
            | Refusal::LoginPending
            | Refusal::SlowDown
            | Refusal::LoginDenied
            | Refusal::LoginExpired
            | Refusal::TooManyLogins
            | Refusal::LinkUnknown
            | Refusal::LinkExpired
            | Refusal::LinkInUse
            | Refusal::SignInAgain => return None,
        };
        Some(Wrong::at(field, &refusal.to_string()))
    }

    /// Why this field is to be mended, where it is.
    pub fn why<'a>(wrong: Option<&'a Wrong>, field: &str) -> Option<&'a str> {
        let here = wrong.filter(|wrong| wrong.field == field);
        here.map(|wrong| wrong.why.as_str())
    }
}

/// As a sentence.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase());
    let mut sentence = first
        .into_iter()
        .flatten()
        .chain(letters)
        .collect::<String>();
    if !sentence.ends_with(['.', '?', '!']) {
        sentence.push('.');
    }
    sentence
}
