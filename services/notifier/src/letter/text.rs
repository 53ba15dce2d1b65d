//! The plain text of a message.

use std::fmt::Write;

use super::{At, heading, one_line, subject};
use crate::item::{About, Item};

pub(super) fn of(items: &[&Item], at: &At) -> String {
    let mut text = String::new();
    for item in items {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{}: {}\n\n",
            heading(item),
            one_line(&subject::line(item, at))
        );
        for (label, value) in facts(item, at) {
            let _ = writeln!(text, "  {label:<12}{value}");
        }
        text.push_str("\n\n");
    }
    text.push_str("-- \n");
    text.push_str(SIGNATURE);
    text.push('\n');
    text
}

/// What, why, until when, and what to do; each with its label.
pub(super) fn facts(item: &Item, at: &At) -> Vec<(&'static str, String)> {
    let what = match item.subject_kind.as_str() {
        "certificate" | "automation" => "certificate",
        "key" => "key",
        _ => "channel",
    };
    let mut facts = vec![(what, one_line(&item.name))];
    let over = matches!(item.about, About::AllClear { .. });
    let label = if over { "now" } else { "what" };
    facts.push((label, one_line(&item.message)));
    if !over && !matches!(item.about, About::Test) {
        facts.push(("since", at.day(item.since)));
    }
    if let Some(deadline) = item.deadline.filter(|_| !over) {
        facts.push(("until", at.day(deadline)));
    }
    if !item.advice.is_empty() && !over {
        facts.push(("what to do", one_line(&item.advice)));
    }
    if !item.subject_id.is_empty() {
        facts.push(("id", item.subject_id.clone()));
    }
    facts
}

pub(super) const SIGNATURE: &str =
    "Sent by Chancery. `chancery notify channels` says who is told what.";
