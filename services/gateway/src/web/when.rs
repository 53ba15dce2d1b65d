//! How far away something is, for people.

use time::{Duration, OffsetDateTime};

/// "just now", "12 s ago", "11 min ago", "2 h ago", "3 days ago".
pub fn ago(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let seconds = (now - at).whole_seconds();
    match seconds {
        ..5 => "just now".to_owned(),
        5..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..DAY => format!("{} h ago", seconds / 3_600),
        _ => format!("{} ago", length(now - at)),
    }
}

/// "1 day", "12 days"; "5 hours", below two days.
pub fn length(span: Duration) -> String {
    let (number, one) = match span.whole_minutes().max(0) {
        minutes @ ..60 => (minutes, "minute"),
        minutes @ 60..2_880 => (minutes / 60, "hour"),
        minutes => (minutes / (24 * 60), "day"),
    };
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    }
}

/// A large number in groups of three: "48 213".
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + 6);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

const DAY: i64 = 24 * 3_600;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn it_is_told_in_the_unit_that_fits() {
        let now = datetime!(2026-11-23 09:14:02 UTC);
        for (before, words) in [
            (Duration::seconds(-3), "just now"),
            (Duration::seconds(12), "12 s ago"),
            (Duration::minutes(11), "11 min ago"),
            (Duration::hours(2), "2 h ago"),
            (Duration::hours(30), "30 hours ago"),
            (Duration::days(3), "3 days ago"),
        ] {
            assert_eq!(ago(now - before, now), words);
        }
        assert_eq!(length(Duration::minutes(1)), "1 minute");
        assert_eq!(length(Duration::days(90)), "90 days");
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(48_213), "48\u{a0}213");
        assert_eq!(grouped(1_000_000), "1\u{a0}000\u{a0}000");
    }
}
