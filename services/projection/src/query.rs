//! The questions: a request is parsed whole ([`question`]), then asked of one table.
//!
//! [`filter`], [`sort`] and [`page`] know the grammar and no table; [`condition`] turns terms into
//! SQL with bound values, never with text; one module a noun says which fields it has and how its
//! rows are answered.

pub mod alerts;
pub mod automations;
pub mod certificates;
pub mod channels;
pub mod checkpoints;
pub mod condition;
pub mod disclosures;
pub mod dns_providers;
pub mod events;
pub mod filter;
pub mod grams;
pub mod keys;
pub mod names;
pub mod overview;
pub mod page;
pub mod question;
pub mod requests;
pub mod served_name;
pub mod servers;
pub mod sort;
pub mod subjects;
pub mod tallies;
pub mod tree;

use prost::Message;

use crate::refusal::Refusal;

/// A message that a table holds encoded.
///
/// # Errors
/// [`Refusal::Damaged`]: we encoded it, so the database changed it.
fn decoded<M: Message + Default>(table: &'static str, bytes: &[u8]) -> Result<M, Refusal> {
    M::decode(bytes).map_err(|source| Refusal::Damaged {
        table,
        source: source.into(),
    })
}

/// A count or version of a message, from its column. What does not fit was never there.
fn unsigned(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}
