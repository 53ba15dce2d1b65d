//! A filter as words: field, operator, value, before anything is known of the field.

use super::FilterError;

/// How a field is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `:`
    Contains,
    /// `<`
    Less,
    /// `>`
    Greater,
}

impl std::fmt::Display for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Contains => ":",
            Self::Less => "<",
            Self::Greater => ">",
        })
    }
}

/// A term as it is written, its value without quotes.
pub(super) struct Word {
    pub(super) field: String,
    pub(super) operator: Operator,
    pub(super) value: String,
}

/// The words of a filter, in order, each read or told what is wrong with it.
pub(super) fn words(filter: &str) -> impl Iterator<Item = Result<Word, FilterError>> {
    let mut rest = filter;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let (word, behind) = word(rest);
        rest = behind;
        Some(word)
    })
}

/// The first word, and what stands behind it.
fn word(text: &str) -> (Result<Word, FilterError>, &str) {
    let end_of_field = text.find(|c: char| c.is_whitespace() || "=!:<>\"".contains(c));
    let (field, after_field) = text.split_at(end_of_field.unwrap_or(text.len()));
    let operator = OPERATORS
        .iter()
        .find_map(|(spelling, operator)| Some((after_field.strip_prefix(spelling)?, *operator)));
    let Some((after_operator, operator)) = operator.filter(|_| !field.is_empty()) else {
        let (bad, behind) = text.split_at(end_of_word(text));
        return (Err(FilterError::NotATerm { text: short(bad) }), behind);
    };
    let (value, behind) = match after_operator.strip_prefix('"') {
        Some(quoted) => quoted_value(field, quoted),
        None => bare_value(field, operator, after_operator),
    };
    let word = value.map(|value| Word {
        field: field.to_owned(),
        operator,
        value,
    });
    (word, behind)
}

fn bare_value<'a>(
    field: &str,
    operator: Operator,
    text: &'a str,
) -> (Result<String, FilterError>, &'a str) {
    let (value, behind) = text.split_at(end_of_word(text));
    let field = short(field);
    let checked = match value {
        "" => Err(FilterError::NoValue { field, operator }),
        value if value.contains('"') => Err(FilterError::StrayQuote { field }),
        value if value.chars().any(char::is_control) => Err(FilterError::Control { field }),
        value => Ok(value.to_owned()),
    };
    (checked, behind)
}

fn quoted_value<'a>(field: &str, text: &'a str) -> (Result<String, FilterError>, &'a str) {
    let field = short(field);
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                let behind = &text[at + 1..];
                if behind.starts_with(|c: char| !c.is_whitespace()) {
                    let behind = &behind[end_of_word(behind)..];
                    return (Err(FilterError::StrayQuote { field }), behind);
                }
                if value.chars().any(char::is_control) {
                    return (Err(FilterError::Control { field }), behind);
                }
                return (Ok(value), behind);
            }
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (Err(FilterError::OpenQuote { field }), "")
}

fn end_of_word(text: &str) -> usize {
    text.find(char::is_whitespace).unwrap_or(text.len())
}

/// Enough of what was written to find it again.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST_ECHO) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Longer spellings first.
const OPERATORS: [(&str, Operator); 5] = [
    ("!=", Operator::NotEqual),
    ("=", Operator::Equal),
    (":", Operator::Contains),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

const LONGEST_ECHO: usize = 60;
