//! How pages say what a certificate is: its issuer, its key, its days.

use api::{convert, projection::v1::CertificateStatus, x509::v1};
use pbjson_types::Timestamp;
use time::{
    Duration, OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description,
};

use crate::web::{parts::Moment, when::length, wording};

/// How much time is left, and how much that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// "12 days left", "4 days ago".
    pub words: String,
    /// The class of the stylesheet.
    pub class: &'static str,
}

impl Left {
    /// At this moment.
    pub fn of(not_after: OffsetDateTime, now: OffsetDateTime, status: CertificateStatus) -> Left {
        let class = match status {
            CertificateStatus::Expired | CertificateStatus::Error => "left-bad",
            CertificateStatus::Expiring => "left-soon",
            _ => "",
        };
        Left {
            words: left(not_after, now),
            class,
        }
    }
}

/// How far away an end is: "12 days left", "5 hours ago".
pub fn left(end: OffsetDateTime, now: OffsetDateTime) -> String {
    let span = end - now;
    match span.is_negative() {
        true => format!("{} ago", length(-span)),
        false => format!("{} left", length(span)),
    }
}

/// A day, with its minute for machines.
pub fn day(at: OffsetDateTime) -> Moment {
    Moment::in_words(at, date(at))
}

/// "19 Nov 2026".
pub fn date(at: OffsetDateTime) -> String {
    wording::day(at)
}

/// "28 Nov" in the year that is, "18:00" on the day that is.
pub fn soon(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let form = match () {
        () if at.date() == now.date() => CLOCK,
        () if (at - now).abs() < Duration::days(300) => DAY_OF_YEAR,
        () => DAY,
    };
    at.format(form).unwrap_or_default()
}

/// The time of a message's field.
pub fn time(at: Option<&Timestamp>) -> Option<OffsetDateTime> {
    at.and_then(convert::time)
}

/// Who issued a certificate, as people call him: the organisation, else the common name.
pub fn issuer(certificate: &v1::Certificate) -> String {
    match certificate.self_signed {
        true => "Self-signed".to_owned(),
        false => name(&certificate.issuer),
    }
}

/// A distinguished name (RFC 4514) as people say it: its organisation, else its common name.
pub fn name(name: &str) -> String {
    let part = attribute(name, "O").or_else(|| attribute(name, "CN"));
    part.unwrap_or_else(|| name.to_owned())
}

/// A distinguished name by its common name, else by its organisation.
pub fn common_name(name: &str) -> String {
    let part = attribute(name, "CN").or_else(|| attribute(name, "O"));
    part.unwrap_or_else(|| name.to_owned())
}

/// The first value of an attribute in RFC 4514 text.
fn attribute(name: &str, wanted: &str) -> Option<String> {
    let mut parts = Vec::<String>::new();
    let (mut part, mut letters) = (String::new(), name.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => part.extend(letters.next()),
            ',' | '+' => parts.push(std::mem::take(&mut part)),
            letter => part.push(letter),
        }
    }
    parts.push(part);
    parts.iter().find_map(|part| {
        let (key, value) = part.split_once('=')?;
        let value = value.trim();
        (key.trim().eq_ignore_ascii_case(wanted) && !value.is_empty()).then(|| value.to_owned())
    })
}

/// All its names, DNS names first.
pub fn names(certificate: &v1::Certificate) -> Vec<String> {
    let names = certificate.subject_alt_names.clone().unwrap_or_default();
    let mut all = names.dns_names;
    all.extend(names.ip_addresses);
    all
}

/// Octets as people compare them: pairs of hex digits.
pub fn pairs(hex: &str) -> String {
    let hex = hex.to_ascii_uppercase();
    let pairs = hex.as_bytes().chunks(2);
    let pairs = pairs.map(|pair| String::from_utf8_lossy(pair).into_owned());
    pairs.collect::<Vec<_>>().join(":")
}

const DAY: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year]");
const DAY_OF_YEAR: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short]");
const CLOCK: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]");

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn days_are_counted_and_hours_at_the_end() {
        let now = datetime!(2026-11-23 12:00 UTC);
        for (end, words) in [
            (datetime!(2026-11-19 11:00 UTC), "4 days ago"),
            (datetime!(2026-12-05 12:00 UTC), "12 days left"),
            (datetime!(2026-11-24 13:00 UTC), "25 hours left"),
            (datetime!(2026-11-23 13:00 UTC), "1 hour left"),
            (datetime!(2026-11-23 11:59 UTC), "1 minute ago"),
            (datetime!(2060-11-23 12:00 UTC), "12419 days left"),
        ] {
            assert_eq!(left(end, now), words);
        }
    }

    #[test]
    fn a_name_is_said_by_its_organisation() {
        for (text, said, common) in [
            ("CN=R3,O=Let's Encrypt,C=US", "Let's Encrypt", "R3"),
            (
                "CN=Example Internal CA",
                "Example Internal CA",
                "Example Internal CA",
            ),
            ("O=Shop\\, Ltd,C=DE", "Shop, Ltd", "Shop, Ltd"),
            ("1.2.3=x", "1.2.3=x", "1.2.3=x"),
            ("", "", ""),
        ] {
            assert_eq!((&*name(text), &*super::common_name(text)), (said, common));
        }
    }

    #[test]
    fn octets_stand_in_pairs() {
        assert_eq!(pairs("0c7d41"), "0C:7D:41");
        assert_eq!(pairs(""), "");
    }
}
