//! Pages as keysets: a token holds the last row's place in the order, not its number, so that it
//! stays right while rows come and go. Pure; knows no table.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// How many rows a page has at most where the request leaves it out.
pub const DEFAULT_SIZE: u32 = 50;

/// How many rows a page may have.
pub const MAX_SIZE: u32 = 500;

/// A page ends early when its rows hold more than this, in bytes: below what one gRPC message takes.
pub const MAX_WEIGHT: usize = 2 * 1024 * 1024;

/// The longest token, in bytes: the longest names that are sorted by fit many times.
pub const MAX_TOKEN: usize = 16 * 1024;

/// A value of an order: what a row is sorted by, or its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Place {
    /// A number, or a time in microseconds since 1970.
    Number(i64),
    /// Folded text, or an id.
    Text(String),
}

/// After which row a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// What the row is sorted by.
    pub value: Place,
    /// What tells it from rows of equal value.
    pub id: Place,
}

/// Which question a token belongs to: a digest of the list, its filter and its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionDigest(String);

impl QuestionDigest {
    /// Of these texts, in this order.
    pub fn of(parts: &[&str]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            // Each with its length, so that no two lists of texts are one.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let whole = context.finish();
        let enough = whole
            .as_ref()
            .split_at(DIGEST_BYTES.min(whole.as_ref().len()))
            .0;
        Self(URL_SAFE_NO_PAD.encode(enough))
    }
}

/// A token that this list did not give for this question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a token that this list gave for this filter and sort: begin again without it")]
pub struct TokenError;

/// The token of the page after this row.
pub fn token(cursor: &Cursor, question: &QuestionDigest) -> String {
    let token = Token {
        value: cursor.value.clone(),
        id: cursor.id.clone(),
        question: question.0.clone(),
    };
    // Numbers and texts always have a JSON form.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
}

/// Where the page begins that the token is for.
///
/// # Errors
/// [`TokenError`] for what is no token, or one of another question.
pub fn cursor(token: &str, question: &QuestionDigest) -> Result<Cursor, TokenError> {
    if token.len() > MAX_TOKEN {
        return Err(TokenError);
    }
    let json = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenError)?;
    let token: Token = serde_json::from_slice(&json).map_err(|_| TokenError)?;
    if token.question != question.0 {
        return Err(TokenError);
    }
    Ok(Cursor {
        value: token.value,
        id: token.id,
    })
}

/// How many of these rows make the page, given each one's weight in bytes: at least one.
pub fn fitting(weights: impl IntoIterator<Item = usize>, size: usize) -> usize {
    let mut total = 0_usize;
    let fit = weights.into_iter().take(size).take_while(|weight| {
        total = total.saturating_add(*weight);
        total <= MAX_WEIGHT
    });
    fit.count().max(1)
}

/// What a token holds, as JSON in base64url.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    #[serde(rename = "v")]
    value: Place,
    #[serde(rename = "i")]
    id: Place,
    #[serde(rename = "q")]
    question: String,
}

/// Against mistakes, not against an attacker, who may ask any question anyhow.
const DIGEST_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_its_own_question() {
        let cursor_at = Cursor {
            value: Place::Text("b\"ü".into()),
            id: Place::Number(7),
        };
        let question = QuestionDigest::of(&["keys", "created>2027-01-01", "-created"]);
        let token = token(&cursor_at, &question);
        assert_eq!(cursor(&token, &question), Ok(cursor_at));
        for other in [
            ["servers", "created>2027-01-01", "-created"],
            ["keys", "created>2027-01-0", "1-created"],
        ] {
            assert_eq!(cursor(&token, &QuestionDigest::of(&other)), Err(TokenError));
        }
        let garbage = [
            "",
            "x",
            "AAAA",
            "e30",
            &"A".repeat(MAX_TOKEN + 1),
            &format!("{token}A"),
        ];
        for garbage in garbage {
            assert_eq!(cursor(garbage, &question), Err(TokenError), "{garbage}");
        }
    }

    #[test]
    fn a_page_ends_at_its_size_or_its_weight() {
        assert_eq!(fitting([1; 10], 4), 4);
        assert_eq!(fitting([1; 3], 4), 3);
        assert_eq!(fitting([MAX_WEIGHT / 2, MAX_WEIGHT / 2, 1], 4), 2);
        assert_eq!(fitting([MAX_WEIGHT * 2, 1], 4), 1, "one row always goes");
    }
}
