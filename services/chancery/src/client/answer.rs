//! Answers on stdout: columns for people, proto3 JSON for programs.

mod json;

use std::io::{self, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use pbjson_types::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use super::ClientError;

/// Writes text and a line's end to stdout.
pub fn line(text: &str) -> Result<(), ClientError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(ClientError::Write)
}

/// Writes the answer as proto3 JSON, indented.
pub fn json(answer: &impl Serialize) -> Result<(), ClientError> {
    line(&json::pretty(answer).map_err(ClientError::Answer)?)
}

/// Likewise on one line: for streams.
pub fn json_line(answer: &impl Serialize) -> Result<(), ClientError> {
    line(&json::compact(answer).map_err(ClientError::Answer)?)
}

/// Proto3 JSON, read again as something else.
pub fn read_as<T: DeserializeOwned>(answer: &impl Serialize) -> Result<T, ClientError> {
    let text = json::compact(answer).map_err(ClientError::Answer)?;
    serde_json::from_str(&text).map_err(ClientError::Answer)
}

/// Writes rows under headings; a line that says so where there are none.
pub fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    none: &str,
) -> Result<(), ClientError> {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        eprintln!("{none}");
        return Ok(());
    }
    line(&columns(headings, rows))
}

/// Rows under headings, as text.
pub fn columns<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings.map(str::to_uppercase));
    for row in rows {
        table.add_row(row.map(|cell| {
            if cell.is_empty() {
                "-".to_owned()
            } else {
                visible(&cell)
            }
        }));
    }
    trimmed(&table)
}

/// Writes what one thing is made of, a line each; what is empty is left out.
pub fn details<const N: usize>(fields: [(&str, String); N]) -> Result<(), ClientError> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    for (name, value) in fields {
        if !value.is_empty() {
            table.add_row([name, &visible(&value)]);
        }
    }
    line(&trimmed(&table))
}

/// With control characters written out: what others put into a certificate does not move the cursor here.
pub fn visible(text: &str) -> String {
    let written = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(written).collect()
}

/// Without the spaces with which cells are filled up and begin.
fn trimmed(table: &Table) -> String {
    let lines = table.lines().map(|line| {
        line.trim_end()
            .strip_prefix(' ')
            .map(str::to_owned)
            .unwrap_or_default()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A point in time in UTC, to the second; empty where there is none.
pub fn time(at: &Option<Timestamp>) -> String {
    let at = at
        .as_ref()
        .and_then(api::convert::time)
        .map(|at| at.to_offset(UtcOffset::UTC));
    let at = at.and_then(|at| at.replace_nanosecond(0).ok());
    at.and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// A day, and how far off it is: "2026-03-01 (in 29 days)".
pub fn day(at: &Option<Timestamp>, now: OffsetDateTime) -> String {
    match at.as_ref().and_then(api::convert::time) {
        Some(day) => format!("{} ({})", day.date(), far(day, now)),
        None => String::new(),
    }
}

/// How far off a point in time is: "in 29 days", "3 h ago".
pub fn far(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let left = at - now;
    match (left.whole_days(), left.whole_hours()) {
        (0, 0) if left.is_positive() => format!("in {} min", left.whole_minutes()),
        (0, hours) if left.is_positive() => format!("in {hours} h"),
        (0, hours) => format!("{} h ago", -hours),
        (1, _) => "in 1 day".to_owned(),
        (-1, _) => "1 day ago".to_owned(),
        (days, _) if left.is_positive() => format!("in {days} days"),
        (days, _) => format!("{} days ago", -days),
    }
}

/// An enum's value as people read it: "CERTIFICATE_STATUS_VALID" is "valid".
pub fn word(name: &str, prefix: &str) -> String {
    let name = name.strip_prefix(prefix).unwrap_or(name);
    name.to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_day_says_how_far_off_it_is() {
        let now = datetime!(2026-01-01 12:00 UTC);
        let day = |at| super::day(&Some(api::convert::timestamp(at)), now);
        assert_eq!(
            day(datetime!(2026-01-31 12:00 UTC)),
            "2026-01-31 (in 30 days)"
        );
        assert_eq!(day(datetime!(2026-01-01 15:30 UTC)), "2026-01-01 (in 3 h)");
        assert_eq!(
            day(datetime!(2025-12-31 11:00 UTC)),
            "2025-12-31 (1 day ago)"
        );
        assert_eq!(
            day(datetime!(2026-01-01 12:40 UTC)),
            "2026-01-01 (in 40 min)"
        );
        assert_eq!(super::day(&None, now), "");
    }

    #[test]
    fn what_others_wrote_does_not_move_the_cursor() {
        let shown = columns(["name"], [["a\u{1b}[2Jb\nc".to_owned()]]);
        assert_eq!(shown, "NAME\na\\u{1b}[2Jb\\nc");
        assert_eq!(visible("größe"), "größe");
    }

    #[test]
    fn enum_values_are_words() {
        assert_eq!(
            word("CERTIFICATE_STATUS_RENEWING", "CERTIFICATE_STATUS_"),
            "renewing"
        );
        assert_eq!(
            word("KEY_ALGORITHM_ECDSA_P256", "KEY_ALGORITHM_"),
            "ecdsa-p256"
        );
    }
}
