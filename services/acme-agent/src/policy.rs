//! When things begin by themselves. Pure: the time is given, and chance is drawn from what every
//! replica knows, so that replicas and restarts agree.
//!
//! | question | answer |
//! | --- | --- |
//! | when to renew | [`renewal`]: by the certificate's life, or in the CA's window (RFC 9773), whichever is first |
//! | when to try again | [`retry`]: after 1, 10 and 100 minutes, then daily; sooner near the end of the certificate |
//! | at which server | [`turn`]: the first; after three failures in a row the second, then alternately |
//! | when to ask the CA for its window again | [`ask_again`]: twice a day, unless it names a time |
//!
//! The figures are those of Let's Encrypt's [integration guide](https://letsencrypt.org/docs/integration-guide/).

use std::time::Duration as StdDuration;

use api::acme::v1::ScheduleReason;
use pki::{Lifetime, fingerprint::sha256_hex};
use time::{Duration, OffsetDateTime};

/// A certificate, as far as its renewal goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 in hex: what chance is drawn from.
    pub sha256_fingerprint: String,
    /// From when until when it is good.
    pub lifetime: Lifetime,
    /// When we had it.
    pub obtained: OffsetDateTime,
}

/// When the CA wants a certificate to be renewed (RFC 9773, section 4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The best time begins.
    pub start: OffsetDateTime,
    /// It ends.
    pub end: OffsetDateTime,
    /// Where the CA explains it to people; empty where it does not.
    pub explanation_url: String,
}

/// When a renewal begins, and why then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// When.
    pub at: OffsetDateTime,
    /// Why then.
    pub reason: ScheduleReason,
}

/// When to renew: by the share of the life that is left, or at a random second of the CA's window,
/// whichever is first; but never sooner after the certificate came than [`shortest_interval`].
pub fn renewal(certificate: &Certificate, window: Option<&Window>) -> Renewal {
    let by_life = certificate.lifetime.renew_at();
    let in_window = window.and_then(|window| second_of(window, &certificate.sha256_fingerprint));
    let (at, reason) = match in_window {
        Some(at) if at < by_life => (at, ScheduleReason::RenewalInformation),
        _ => (by_life, ScheduleReason::Lifetime),
    };
    let earliest = certificate.obtained + shortest_interval(&certificate.lifetime);
    Renewal {
        at: at.max(earliest),
        reason,
    }
}

/// The time that lies between two issuances that begin by themselves, whatever a CA says: a window
/// that stays in the past for each new certificate must not make one after the other (cert-manager
/// issue 8993: five in ten seconds). A day is still within what a CA leaves between announcing that it
/// revokes certificates and doing so.
pub fn shortest_interval(lifetime: &Lifetime) -> Duration {
    Duration::min(lifetime.length() / 10, Duration::DAY)
}

/// A second of the window, the same one for the same certificate. A window that ends before it begins
/// is no answer (RFC 9773, section 4.2).
fn second_of(window: &Window, fingerprint: &str) -> Option<OffsetDateTime> {
    let span = (window.end - window.start).whole_seconds();
    let span = u64::try_from(span).ok().filter(|span| *span > 0)?;
    let drawn = scale(span, &format!("window/{fingerprint}"));
    let drawn = Duration::seconds(i64::try_from(drawn).ok()?);
    Some(window.start + drawn)
}

/// An order that came to nothing.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// The failure's reason.
    pub reason: &'a str,
    /// How many orders failed since the last certificate, this one included.
    pub failures: u32,
    /// The life of the certificate that is here.
    pub lifetime: Option<Lifetime>,
    /// For how long the server of the next try wants to be left alone.
    pub retry_after: Option<StdDuration>,
    /// What jitter is drawn from.
    pub seed: &'a str,
}

/// When to try again: after 1, 10 and 100 minutes, then daily (daily at once where a person must act
/// first), or after a tenth of the life that is left, whichever is sooner; up to a fifth sooner still,
/// so that those that failed together do not come back together. A CA's own time is kept before all.
pub fn retry(failed: &Failed<'_>, now: OffsetDateTime) -> OffsetDateTime {
    let pause = match failed.failures {
        _ if needs_person(failed.reason) => DAILY,
        failures => {
            let nth = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
            RETRIES.get(nth).copied().unwrap_or(DAILY)
        }
    };
    let pause = match &failed.lifetime {
        Some(lifetime) if lifetime.not_after > now => {
            let left = lifetime.not_after - now;
            // Each tenth is shorter than the last: without an end to it the last minute had no end.
            let shortest = Duration::min(lifetime.length() / 100, Duration::MINUTE);
            pause.min(shortest.max(left / 10))
        }
        // What has expired, or was never there, is in no more hurry than the schedule.
        _ => pause,
    };
    let milliseconds = u64::try_from(pause.whole_milliseconds()).unwrap_or(0);
    let sooner = scale(milliseconds / 5, &format!("retry/{}", failed.seed));
    let pause = StdDuration::from_millis(milliseconds.saturating_sub(sooner));
    let asked = failed.retry_after.unwrap_or_default();
    now + pause.max(asked.min(LONGEST_RETRY_AFTER))
}

/// Whether another try can only succeed once a person has done something: agreed to new terms, mended
/// a record, chosen another key. It is tried once a day all the same: nobody may have to tell us.
pub fn needs_person(reason: &str) -> bool {
    PERSON_FIRST.contains(&reason)
}

/// Which of two servers takes an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The one that was asked for.
    First,
    /// The one that helps out.
    Second,
}

/// Whose turn it is after so many failures since the last certificate, where there are two.
pub fn turn(failures: u32) -> Turn {
    match failures.checked_sub(FAILURES_OF_FIRST) {
        Some(more) if more % 2 == 0 => Turn::Second,
        _ => Turn::First,
    }
}

/// What came of asking the CA for its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It answered, and perhaps said when to ask again.
    Answered(Option<StdDuration>),
    /// It gave nothing that can be used, for the so-manieth time in a row, from 1; it may have said
    /// when to ask again all the same.
    Failed(u32, Option<StdDuration>),
}

/// When to ask the CA for its window again: at the time that it names (between a minute and a day), else
/// in half a day, and up to a tenth sooner, so that questions spread out. After a failure in a minute, then
/// after twice as long each time, up to 6 hours (RFC 9773, section 4.3.3).
pub fn ask_again(asked: Asked, seed: &str, now: OffsetDateTime) -> OffsetDateTime {
    let named = match asked {
        Asked::Answered(named) | Asked::Failed(_, named) => named,
    };
    if let Some(named) = named {
        return now + named.clamp(SHORTEST_ASK, LONGEST_ASK);
    }
    let pause = match asked {
        Asked::Answered(_) => HALF_A_DAY,
        Asked::Failed(times, _) => {
            let doublings = times.saturating_sub(1).min(20);
            (SHORTEST_ASK * 2_u32.pow(doublings)).min(LONGEST_BACK_OFF)
        }
    };
    let seconds = pause.as_secs();
    let sooner = scale(seconds / 10, &format!("ask/{seed}"));
    now + StdDuration::from_secs(seconds - sooner)
}

/// A number below `span` (0 for 0), the same one for the same seed, and evenly spread over seeds.
fn scale(span: u64, seed: &str) -> u64 {
    let digest = sha256_hex(seed.as_bytes());
    // 16 hex digits always are a u64.
    let drawn = u64::from_str_radix(&digest[..16], 16).unwrap_or(0);
    let scaled = (u128::from(drawn) * u128::from(span)) >> 64;
    u64::try_from(scaled).unwrap_or(0)
}

const RETRIES: [Duration; 3] = [
    Duration::minutes(1),
    Duration::minutes(10),
    Duration::minutes(100),
];
const DAILY: Duration = Duration::DAY;
/// No limit of a CA is longer than a week; who asks for a year is not kept to it.
const LONGEST_RETRY_AFTER: StdDuration = StdDuration::from_secs(7 * 86_400);
const FAILURES_OF_FIRST: u32 = 3;

const SHORTEST_ASK: StdDuration = StdDuration::from_secs(60);
const LONGEST_ASK: StdDuration = StdDuration::from_secs(86_400);
const HALF_A_DAY: StdDuration = StdDuration::from_secs(43_200);
const LONGEST_BACK_OFF: StdDuration = StdDuration::from_secs(6 * 3_600);

/// The reasons of [`failure`](crate::failure) that no waiting mends.
const PERSON_FIRST: [&str; 20] = [
    "ACCOUNT_GONE",
    "ACCOUNT_KEY_UNUSABLE",
    "ACCOUNT_REFUSED",
    "ADDRESS_NOT_ALLOWED",
    "CAA_FORBIDS",
    "CHALLENGE_NOT_OFFERED",
    "CONTACT_REFUSED",
    "CSR_REFUSED",
    "DNS_NAME_UNUSABLE",
    "DNS_PROVIDER_NOT_FOUND",
    "EAB_REFUSED",
    "EAB_REQUIRED",
    "KEYSTORE_REFUSED",
    "KEY_REFUSED",
    "NAME_REJECTED",
    "PROFILE_UNKNOWN",
    "ROOTS_UNUSABLE",
    "SERVER_DEACTIVATED",
    "SERVER_NOT_FOUND",
    "TERMS_CHANGED",
];

#[cfg(test)]
mod tests;
