//! How pages say things: roles, times, browsers.

use api::options::v1::Role;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// A role, as people write it.
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Unspecified => "nobody",
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Admin => "administrator",
    }
}

/// A time, for people.
pub fn time(at: OffsetDateTime) -> String {
    at.format(TIME).unwrap_or_default()
}

/// A day, for people.
pub fn day(at: OffsetDateTime) -> String {
    at.format(DAY).unwrap_or_default()
}

/// A day with its name: "Sunday, 22 November 2026"; today's is "Today".
pub fn long_day(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let form = match at.date() == now.date() {
        true => TODAY,
        false => LONG_DAY,
    };
    at.format(form).unwrap_or_default()
}

/// The time of a day, with its second.
pub fn clock(at: OffsetDateTime) -> String {
    at.format(CLOCK).unwrap_or_default()
}

/// A time, for machines (RFC 3339).
pub fn timestamp(at: OffsetDateTime) -> String {
    at.format(TIMESTAMP).unwrap_or_default()
}

/// A browser, by what it calls itself: most say that they are several.
pub fn browser(user_agent: &str) -> String {
    let find = |names: &[(&str, &'static str)]| {
        let known = names.iter().find(|(mark, _)| user_agent.contains(mark));
        known.map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        _ if user_agent.is_empty() => "A browser without a name".to_owned(),
        _ => user_agent.chars().take(60).collect(),
    }
}

/// What only this browser has in its name, before what others have as well.
const BROWSERS: [(&str, &str); 6] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute] UTC");

const DAY: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year]");

const LONG_DAY: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday], [day padding:none] [month repr:long] [year]");

const TODAY: &[BorrowedFormatItem<'_>] =
    format_description!("Today, [day padding:none] [month repr:long] [year]");

const CLOCK: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]:[second]");

const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn browsers_are_called_what_people_call_them() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.0", "curl/8.0"),
            ("", "A browser without a name"),
        ] {
            assert_eq!(browser(agent), name);
        }
    }

    #[test]
    fn times_are_utc() {
        let at = datetime!(2026-11-09 07:05:03 UTC);
        assert_eq!(time(at), "9 Nov 2026, 07:05 UTC");
        assert_eq!(day(at), "9 Nov 2026");
        assert_eq!(long_day(at, at), "Today, 9 November 2026");
        assert_eq!(
            long_day(at, datetime!(2026-11-10 00:00 UTC)),
            "Monday, 9 November 2026"
        );
        assert_eq!(clock(at), "07:05:03");
        assert_eq!(timestamp(at), "2026-11-09T07:05:03Z");
    }
}
