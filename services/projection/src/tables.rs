//! The tables: what there is now, as the log tells it. Each is a pure function of the log.
//!
//! What holds in all of them, so that SQLite and PostgreSQL agree:
//! - Times are microseconds since 1970 in a BIGINT ([`instant`]), and are the event's, never the reader's.
//! - Enums are the numbers that `proto/` gives them: those never change.
//! - Text that is searched or sorted by is kept folded ([`folded`]), because the databases differ in
//!   how they compare letters; where its own spelling is shown too, it stands beside it.
//! - Nothing that is sorted by is NULL: keysets need an order that has no gaps.

pub mod automation;
pub mod certificate;
pub mod certificate_issuer;
pub mod certificate_name;
pub mod certificate_version;
pub mod default_certificate;
pub mod event;
pub mod instant;
pub mod issuer;
pub mod key;
pub mod migration;
pub mod request;
pub mod request_name;
pub mod server;

use api::x509::v1::SubjectAltNames;
use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};

/// Text as it is compared: without regard to case. Letter by letter, so that a part of a text folds
/// to a part of the folded text.
pub fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(transparent)]
pub struct Texts(pub Vec<String>);

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
