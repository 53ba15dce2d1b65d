//! What a message says: a subject that a person can triage by, text, and HTML.

mod html;
mod subject;
mod text;

#[cfg(test)]
mod tests;

use api::notifier::v1::Severity;
use time::OffsetDateTime;

use crate::{
    calendar::Calendar,
    item::{About, Item},
};

/// A message to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line, without line breaks.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML without scripts, and without anything that is loaded from elsewhere.
    pub html: String,
}

/// Writes a message about these, the worst first.
pub fn write(items: &[Item], calendar: &Calendar, now: OffsetDateTime) -> Letter {
    let mut sorted = items.iter().collect::<Vec<_>>();
    // All-clears after what is wrong; of the same severity what ends first comes first.
    sorted.sort_by_key(|item| {
        let over = matches!(item.about, About::AllClear { .. });
        let deadline = item.deadline.map(OffsetDateTime::unix_timestamp);
        (over, -(item.severity as i32), deadline.unwrap_or(i64::MAX))
    });
    let at = At { calendar, now };
    let subject = one_line(&subject::of(&sorted, &at));
    Letter {
        text: text::of(&sorted, &at),
        html: html::of(&subject, &sorted, &at),
        subject,
    }
}

/// When a letter is written, and in whose days.
struct At<'a> {
    calendar: &'a Calendar,
    now: OffsetDateTime,
}

impl At<'_> {
    fn day(&self, at: OffsetDateTime) -> String {
        self.calendar.day(at).to_string()
    }

    /// "since today", "since 1 day", "since 3 days".
    fn since(&self, at: OffsetDateTime) -> String {
        match self.calendar.days_between(at, self.now) {
            ..=0 => "since today".to_owned(),
            1 => "since 1 day".to_owned(),
            days => format!("since {days} days"),
        }
    }

    /// "expires on 2026-12-20", "has expired on 2026-12-20".
    fn expiry(&self, deadline: OffsetDateTime) -> String {
        let day = self.day(deadline);
        match deadline <= self.now {
            true => format!("has expired on {day}"),
            false => format!("expires on {day}"),
        }
    }

    /// "today", "in 1 day", "in 14 days".
    fn until(&self, at: OffsetDateTime) -> String {
        match self.calendar.days_between(self.now, at) {
            ..=0 => "today".to_owned(),
            1 => "in 1 day".to_owned(),
            days => format!("in {days} days"),
        }
    }
}

/// What a person calls the severity; an alert that is over is "All clear".
fn heading(item: &Item) -> &'static str {
    match (&item.about, item.severity) {
        (About::AllClear { .. }, _) => "All clear",
        (About::Test, _) => "Test",
        (_, Severity::Error) => "Error",
        (_, Severity::Warning) => "Warning",
        (_, Severity::Info | Severity::Unspecified) => "For your information",
    }
}

/// A text from elsewhere inside a line of ours: no line break in it, nothing invisible, and not without end.
fn one_line(text: &str) -> String {
    let visible = text.chars().map(|c| {
        if c.is_control() || is_break(c) {
            ' '
        } else {
            c
        }
    });
    let mut line = visible.take(LONGEST_LINE + 1).collect::<String>();
    if let Some((end, _)) = line.char_indices().nth(LONGEST_LINE) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// Line and paragraph separators, and what turns the direction of text around.
fn is_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

const LONGEST_LINE: usize = 500;
