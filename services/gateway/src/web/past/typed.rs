//! Moments as people type them.

use time::{
    Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

/// "48213", "#48 213".
pub(super) fn position(text: &str) -> Option<u64> {
    let text = text.trim().strip_prefix('#').unwrap_or(text.trim());
    let digits = text.chars().filter(|letter| !letter.is_whitespace());
    digits.collect::<String>().parse().ok()
}

/// A time of UTC where it says no other; a day is its beginning.
pub(super) fn time(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    if let Ok(day) = Date::parse(text, DAY) {
        return Some(day.with_time(Time::MIDNIGHT).assume_utc());
    }
    let text = text.replacen(' ', "T", 1);
    let bare = [MINUTE, SECOND]
        .into_iter()
        .find_map(|form| PrimitiveDateTime::parse(&text, form).ok());
    let whole = || OffsetDateTime::parse(&text, &Rfc3339).ok();
    let at = bare.map(PrimitiveDateTime::assume_utc).or_else(whole)?;
    at.checked_to_offset(UtcOffset::UTC)
}

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const MINUTE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]");
const SECOND: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
