//! How an automated certificate is spoken of.

use api::{
    acme::v1::{ChallengeType, Step},
    projection::v1::{Automation, CertificateStatus},
    x509::v1::KeyAlgorithm,
};
use time::{Duration, OffsetDateTime};

use crate::web::{parts::Chip, wording};

/// A challenge, with its word in forms.
pub const CHALLENGES: [(&str, ChallengeType); 3] = [
    ("http-01", ChallengeType::Http01),
    ("tls-alpn-01", ChallengeType::TlsAlpn01),
    ("dns-01", ChallengeType::Dns01),
];

/// The kinds of key, with their words in forms; the first is the one to take.
pub const KEYS: [(&str, &str, KeyAlgorithm); 5] = [
    (
        "ecdsa-p256",
        "ECDSA P-256 (recommended)",
        KeyAlgorithm::EcdsaP256,
    ),
    ("ecdsa-p384", "ECDSA P-384", KeyAlgorithm::EcdsaP384),
    ("rsa-2048", "RSA 2048", KeyAlgorithm::Rsa2048),
    ("rsa-3072", "RSA 3072", KeyAlgorithm::Rsa3072),
    ("rsa-4096", "RSA 4096", KeyAlgorithm::Rsa4096),
];

/// A challenge, as people write it.
pub fn challenge(challenge: ChallengeType) -> &'static str {
    match challenge {
        ChallengeType::Unspecified | ChallengeType::Http01 => "HTTP-01",
        ChallengeType::TlsAlpn01 => "TLS-ALPN-01",
        ChallengeType::Dns01 => "DNS-01",
    }
}

/// Where it failed.
pub fn step(step: Step) -> &'static str {
    match step {
        Step::Unspecified => "The order",
        Step::Connect => "Reaching the CA",
        Step::NewOrder => "The order",
        Step::Authorize => "The challenge",
        Step::Finalize => "Having it signed",
        Step::Download => "Fetching the certificate",
        Step::Keep => "Storing the certificate",
    }
}

/// How it stands.
pub fn chip(automation: &Automation) -> Chip {
    let issued = automation.certificate_version > 0;
    match automation.status() {
        _ if automation.cancelled.is_some() => Chip::new("Cancelled", "pending", "x"),
        CertificateStatus::Valid if automation.paused.is_some() => {
            Chip::new("Paused", "pending", "pending")
        }
        // The first one is on its way, and that looks like what it is.
        CertificateStatus::Pending if automation.ordering && !issued => {
            Chip::new("Being issued", "renewing", "renewing")
        }
        status => status.into(),
    }
}

/// How far away a moment is: "in 3 hours", "2 days ago".
pub fn away(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let distance = at - now;
    let (long, words) = (distance.abs(), amount(distance.abs()));
    match distance {
        _ if long < Duration::seconds(5) => "now".to_owned(),
        distance if distance.is_positive() => format!("in {words}"),
        _ => format!("{words} ago"),
    }
}

/// A time of the day, to the second.
pub fn clock(at: OffsetDateTime) -> String {
    format!("{} UTC", wording::clock(at))
}

fn amount(long: Duration) -> String {
    let (number, unit) = match long {
        long if long < Duration::minutes(2) => (long.whole_seconds(), "second"),
        long if long < Duration::hours(2) => (long.whole_minutes(), "minute"),
        long if long < Duration::days(2) => (long.whole_hours(), "hour"),
        long => (long.whole_days(), "day"),
    };
    match number {
        1 => format!("1 {unit}"),
        number => format!("{number} {unit}s"),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn distances_are_told_in_the_unit_that_people_use() {
        let now = datetime!(2026-11-23 12:00 UTC);
        for (at, words) in [
            (now, "now"),
            (now + Duration::seconds(30), "in 30 seconds"),
            (now - Duration::minutes(3), "3 minutes ago"),
            (now + Duration::hours(5), "in 5 hours"),
            (now - Duration::hours(47), "47 hours ago"),
            (now + Duration::days(44), "in 44 days"),
        ] {
            assert_eq!(away(at, now), words);
        }
    }
}
