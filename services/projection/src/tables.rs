//! The tables: what there is now, as the log tells it. Each is a pure function of the log.
//!
//! What holds in all of them, so that SQLite and PostgreSQL agree:
//! - Times are microseconds since 1970 in a BIGINT ([`instant`]), and are the event's, never the reader's.
//! - Enums are the numbers that `proto/` gives them: those never change.
//! - Text that is searched or sorted by is kept folded ([`folded`]), because the databases differ in
//!   how they compare letters; where its own spelling is shown too, it stands beside it.
//! - No text holds NUL, which PostgreSQL's cannot: [`crate::follow`] sees to that for every column. Lists
//!   and messages are texts of JSON, where it is escaped (`written`).
//! - Nothing that is sorted by is NULL: keysets need an order that has no gaps.

pub mod alert;
pub mod automation;
pub mod automation_name;
pub mod certificate;
pub mod certificate_gram;
pub mod certificate_issuer;
pub mod certificate_name;
pub mod certificate_version;
pub mod channel;
pub mod checkpoint;
pub mod cosignature;
pub mod default_certificate;
pub mod disclosure;
pub mod dns_provider;
pub mod event;
pub mod instant;
pub mod issuer;
pub mod key;
pub mod migration;
pub mod request;
pub mod request_name;
pub mod server;
pub mod tally;
pub mod tile;
mod written;

use api::x509::v1::SubjectAltNames;
use serde::{Deserialize, Serialize};

/// Text as it is compared and indexed: without regard to case, and no longer than [`MAX_INDEXED`]. Letter
/// by letter, so that a part of a text folds to a part of the folded text.
pub fn folded(text: &str) -> String {
    // Nothing is folded that would be cut off again: each character has an octet at least.
    let letters = text.chars().take(MAX_INDEXED).flat_map(char::to_lowercase);
    indexed(
        letters
            .map(|c| if c == NUL { NUL_SHOWN } else { c })
            .collect(),
    )
}

/// Text that an index can hold, as it is.
pub fn indexed(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_INDEXED));
    text
}

/// Every DNS name and address among them, as it is compared, each once.
pub fn each_name(names: Option<&SubjectAltNames>) -> Vec<String> {
    let Some(names) = names else {
        return Vec::new();
    };
    let texts = names.dns_names.iter().chain(&names.ip_addresses);
    let mut all = texts.map(|name| folded(name)).collect::<Vec<_>>();
    all.sort_unstable();
    all.dedup();
    all
}

/// A short list of texts inside a row, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Texts(pub Vec<String>);

/// How much of a text an index holds, in octets: PostgreSQL takes 2,704 an entry, and an entry may hold two
/// texts. Far more than names have; what is longer came in with a certificate from elsewhere.
pub const MAX_INDEXED: usize = 1_000;

/// The character that no text of PostgreSQL can hold, and what stands in its place.
pub const NUL: char = '\0';
/// See [`NUL`].
pub const NUL_SHOWN: char = char::REPLACEMENT_CHARACTER;

/// An event that was read and cannot become a row: the writer left out what a row needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// A field of the message that no row can do without.
    #[error("the event has no {0}")]
    Missing(&'static str),
    /// Something happened to what never came to be.
    #[error("there is no {what} {id} that this could have happened to")]
    Unknown {
        /// The kind of aggregate.
        what: &'static str,
        /// Its id.
        id: String,
    },
}
