//! What a CA lets an account have in a time (its rate limits), kept from our side: an order that has no
//! room waits, and no CA has to refuse it.
//!
//! The rules are pure and here; [`store`] keeps what was used, for all replicas.

mod store;

pub use store::{Asked, Budget, Migration};

use std::{collections::BTreeSet, net::IpAddr};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use time::{Duration, OffsetDateTime};

use crate::config::Limits;

/// Something that a CA counts; all of it per account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// New orders.
    Orders,
    /// Certificates for a registered domain, an IPv4 address, or an IPv6 network.
    Domain(String),
    /// Certificates for exactly these names, as a digest.
    Names(String),
    /// Failed authorizations of one name.
    Failures(String),
}

/// At most so many in any stretch of that length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many; 0: as many as one likes.
    pub most: u32,
    /// In how long.
    pub within: Duration,
}

/// What becomes of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is room.
    Go,
    /// It is its turn then: the place among the orders is kept for it.
    Turn(OffsetDateTime),
    /// Something else has no room before then; it gets its place among the orders when it asks again.
    Wait(OffsetDateTime),
}

impl Counter {
    /// What an order for these names counts towards, but for the orders.
    pub fn of(names: &[String]) -> Vec<Self> {
        let failures = names.iter().cloned().map(Self::Failures);
        Self::of_certificate(names).chain(failures).collect()
    }

    /// What a certificate for these names counts towards.
    fn of_certificate(names: &[String]) -> impl Iterator<Item = Self> {
        let domains = names.iter().map(|name| domain(name));
        let domains = domains.collect::<BTreeSet<_>>();
        let domains = domains.into_iter().map(Self::Domain);
        domains.chain([Self::Names(exactly(names))])
    }

    /// How much of it there may be.
    fn limit(&self, limits: &Limits) -> Limit {
        let (most, within) = match self {
            Self::Orders => (limits.orders_in_3_hours, Duration::hours(3)),
            Self::Domain(_) => (limits.certificates_per_domain_in_a_week, Duration::WEEK),
            Self::Names(_) => (limits.certificates_per_names_in_a_week, Duration::WEEK),
            Self::Failures(_) => (limits.failures_per_name_in_an_hour, Duration::HOUR),
        };
        Limit { most, within }
    }
}

impl Limit {
    /// When there is room for another: `nth` is the time of the `most`-th latest one.
    fn free_at(&self, nth: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
        nth.filter(|_| self.most > 0).map(|nth| nth + self.within)
    }
}

/// Decides on an order.
///
/// `place`: its place among the orders, where it has one. `nth`: the time of a counter's latest but
/// so many of others: of what was used and of the places that are kept; for an order whose turn has come,
/// without those that are kept for later.
pub fn decide(
    limits: &Limits,
    names: &[String],
    place: Option<OffsetDateTime>,
    now: OffsetDateTime,
    nth: impl Fn(&Counter, Limit) -> Option<OffsetDateTime>,
) -> Verdict {
    let free_at = |counter: &Counter| {
        let limit = counter.limit(limits);
        limit.free_at(nth(counter, limit)).filter(|at| *at > now)
    };
    if let Some(at) = Counter::of(names).iter().filter_map(free_at).max() {
        // Without a place among the orders, which would be lost for those that may go.
        return Verdict::Wait(at);
    }
    let turn = match place {
        Some(place) if place > now => Some(place),
        // Also when its turn has come: those before it may have been late.
        Some(_) | None => free_at(&Counter::Orders),
    };
    turn.map_or(Verdict::Go, Verdict::Turn)
}

/// What people register, as the public suffix list tells it; of an address itself, or its IPv6 network.
fn domain(name: &str) -> String {
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => {
            let name = name.trim_start_matches("*.");
            // What is a public suffix itself counts as itself.
            psl::domain_str(name).unwrap_or(name).to_owned()
        }
    }
}

/// The same for the same names in any order.
fn exactly(names: &[String]) -> String {
    let names = names.iter().map(String::as_str).collect::<BTreeSet<_>>();
    let names = names.into_iter().collect::<Vec<_>>().join(",");
    BASE64URL.encode(digest(&SHA256, names.as_bytes()))
}

#[cfg(test)]
mod tests;
