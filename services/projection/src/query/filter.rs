//! The filter of a list: text in, terms out. Pure; knows no table.
//!
//! Terms are separated by spaces, and all must hold: `field=value`, `field!=value`, `field:text`
//! (contains), `field<value`, `field>value`. A value with spaces stands in double quotes, where
//! `\"` is a quote and `\\` a backslash. What a field may be compared with is its [`Kind`].

mod words;

use time::{
    Date, OffsetDateTime, Time,
    format_description::{StaticFormatDescription, well_known::Rfc3339},
    macros::format_description,
};

pub use self::words::Operator;
use self::words::{Word, short, words};
use crate::tables::{folded, instant::micros};

/// The longest filter, in characters.
pub const MAX_LENGTH: usize = 1_000;

/// A field that a list can be filtered by. Each list has an enum of its own.
pub trait Field: Copy + 'static {
    /// All of them, in the order in which people are told of them.
    const ALL: &'static [Self];

    /// As it is written.
    fn name(self) -> &'static str;

    /// What it may be compared with.
    fn kind(self) -> Kind;
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, compared without regard to case: `=`, `!=`, `:`.
    Text,
    /// A point in time: `<`, `>`, with a date or RFC 3339.
    Time,
    /// A whole number, 0 or more: `=`, `!=`, `<`, `>`.
    Number,
    /// One of a few words, each with its number in `proto/`: `=`, `!=`.
    Choice(&'static [(&'static str, i32)]),
}

/// One term: what must hold for one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term<F> {
    /// Which field.
    pub field: F,
    /// What must hold for it.
    pub test: Test,
}

/// What must hold for a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// The text, folded.
    Is(String),
    /// Not the text, folded.
    IsNot(String),
    /// The text, folded, is somewhere in it.
    Contains(String),
    /// Less than a number, or earlier than a time (microseconds since 1970).
    Below(i64),
    /// More than a number, or later than a time (microseconds since 1970).
    Above(i64),
    /// The number, or the choice with that number.
    Equals(i64),
    /// Not the number, or not the choice with that number.
    Differs(i64),
}

/// What is wrong with one place of a filter, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Not even looked at.
    #[error("is {length} characters long; at most {MAX_LENGTH} are read")]
    TooLong {
        /// Its length in characters.
        length: usize,
    },
    /// A word without an operator.
    #[error(
        "{text:?} is not a term: write field=value, field!=value, field:text, field<value or field>value"
    )]
    NotATerm {
        /// The word.
        text: String,
    },
    /// A field that the list does not have.
    #[error("there is no field {name:?}; there are {known}")]
    UnknownField {
        /// As it was written.
        name: String,
        /// The fields that there are.
        known: String,
    },
    /// Nothing stands after the operator.
    #[error(
        "{field} has nothing to compare with: a value follows {operator} at once (\"\" for an empty one)"
    )]
    NoValue {
        /// The field.
        field: String,
        /// As it was written.
        operator: Operator,
    },
    /// A value that begins with a quote and does not end with one.
    #[error("the value of {field} begins with a double quote and never ends with one")]
    OpenQuote {
        /// The field.
        field: String,
    },
    /// A quote in the middle of a value.
    #[error(
        "the value of {field} has a double quote in it: put the whole value in double quotes, and write the quote as \\\""
    )]
    StrayQuote {
        /// The field.
        field: String,
    },
    /// A control character, which no field holds.
    #[error("the value of {field} has a control character in it")]
    Control {
        /// The field.
        field: String,
    },
    /// The field is not compared like that.
    #[error("{field} is {kind} and cannot be compared with {operator}; use {usable}")]
    Operator {
        /// The field.
        field: &'static str,
        /// What it holds.
        kind: &'static str,
        /// As it was written.
        operator: Operator,
        /// The operators that it has.
        usable: &'static str,
    },
    /// Not a time.
    #[error(
        "{value:?} is not a time for {field}: write a date like 2027-01-31, or RFC 3339 like 2027-01-31T08:00:00Z"
    )]
    NotATime {
        /// The field.
        field: &'static str,
        /// As it was written.
        value: String,
    },
    /// Not a number.
    #[error("{value:?} is not a whole number for {field}")]
    NotANumber {
        /// The field.
        field: &'static str,
        /// As it was written.
        value: String,
    },
    /// Not one of the words.
    #[error("{field} is never {value:?}; it is one of {choices}")]
    NotAChoice {
        /// The field.
        field: &'static str,
        /// As it was written.
        value: String,
        /// The words.
        choices: String,
    },
}

/// The terms of a filter; none for an empty one.
///
/// # Errors
/// Everything that is wrong with it, in the order in which it stands there.
pub fn parse<F: Field>(filter: &str) -> Result<Vec<Term<F>>, Vec<FilterError>> {
    let length = filter.chars().count();
    if length > MAX_LENGTH {
        return Err(vec![FilterError::TooLong { length }]);
    }
    let (mut terms, mut errors) = (Vec::new(), Vec::new());
    for word in words(filter) {
        match word.and_then(|word| term(&word)) {
            Ok(term) => terms.push(term),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(terms)
    } else {
        Err(errors)
    }
}

/// Field names in a sentence: "name, status and created".
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names = names.into_iter().collect::<Vec<_>>();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => (*last).to_owned(),
        None => String::new(),
    }
}

fn term<F: Field>(word: &Word) -> Result<Term<F>, FilterError> {
    let field = F::ALL.iter().copied().find(|f| f.name() == word.field);
    let field = field.ok_or_else(|| FilterError::UnknownField {
        name: short(&word.field),
        known: listed(F::ALL.iter().map(|f| f.name())),
    })?;
    let name = field.name();
    let unusable = |kind, usable| FilterError::Operator {
        field: name,
        kind,
        operator: word.operator,
        usable,
    };
    let test = match (field.kind(), word.operator) {
        (Kind::Text, Operator::Equal) => Test::Is(folded(&word.value)),
        (Kind::Text, Operator::NotEqual) => Test::IsNot(folded(&word.value)),
        (Kind::Text, Operator::Contains) => Test::Contains(folded(&word.value)),
        (Kind::Text, _) => return Err(unusable("text", "=, != or :")),
        (Kind::Time, Operator::Less) => Test::Below(instant(name, &word.value)?),
        (Kind::Time, Operator::Greater) => Test::Above(instant(name, &word.value)?),
        (Kind::Time, _) => return Err(unusable("a time", "< or >")),
        (Kind::Number, Operator::Equal) => Test::Equals(number(name, &word.value)?),
        (Kind::Number, Operator::NotEqual) => Test::Differs(number(name, &word.value)?),
        (Kind::Number, Operator::Less) => Test::Below(number(name, &word.value)?),
        (Kind::Number, Operator::Greater) => Test::Above(number(name, &word.value)?),
        (Kind::Number, _) => return Err(unusable("a number", "=, !=, < or >")),
        (Kind::Choice(choices), Operator::Equal) => {
            Test::Equals(choice(name, choices, &word.value)?)
        }
        (Kind::Choice(choices), Operator::NotEqual) => {
            Test::Differs(choice(name, choices, &word.value)?)
        }
        (Kind::Choice(_), _) => return Err(unusable("one of a few words", "= or !=")),
    };
    Ok(Term { field, test })
}

/// A date is its first moment, in UTC.
fn instant(field: &'static str, value: &str) -> Result<i64, FilterError> {
    let date = Date::parse(value, DATE).map(|date| date.with_time(Time::MIDNIGHT).assume_utc());
    let at = date.or_else(|_| OffsetDateTime::parse(value, &Rfc3339));
    at.map(micros).map_err(|_| FilterError::NotATime {
        field,
        value: short(value),
    })
}

fn number(field: &'static str, value: &str) -> Result<i64, FilterError> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    let number = value.parse().ok().filter(|_| digits);
    number.ok_or_else(|| FilterError::NotANumber {
        field,
        value: short(value),
    })
}

fn choice(
    field: &'static str,
    choices: &'static [(&'static str, i32)],
    value: &str,
) -> Result<i64, FilterError> {
    let wanted = value.to_ascii_lowercase().replace('_', "-");
    let found = choices.iter().find(|(word, _)| *word == wanted);
    found
        .map(|(_, number)| i64::from(*number))
        .ok_or_else(|| FilterError::NotAChoice {
            field,
            value: short(value),
            choices: listed(choices.iter().map(|(word, _)| *word)),
        })
}

const DATE: StaticFormatDescription = format_description!("[year]-[month]-[day]");

#[cfg(test)]
mod tests;
