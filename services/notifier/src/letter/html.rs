//! The HTML of a message: the same as its text. Nothing is loaded from elsewhere, and every text is escaped.

use std::fmt::Write;

use super::{At, heading, one_line, subject, text};
use crate::item::{About, Item};

pub(super) fn of(title: &str, items: &[&Item], at: &At) -> String {
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n</head>\n<body style=\"font-family: sans-serif; line-height: 1.4\">\n",
        escaped(title)
    );
    for item in items {
        // Writing to a String cannot fail.
        let _ = writeln!(
            html,
            "<h2 style=\"font-size: 1rem; border-left: 4px solid {}; padding-left: 8px\">{}: {}</h2>\n<table>",
            colour(item),
            heading(item),
            escaped(&one_line(&subject::line(item, at)))
        );
        for (label, value) in text::facts(item, at) {
            let _ = writeln!(
                html,
                "<tr><th align=\"left\" valign=\"top\">{label}</th><td>{}</td></tr>",
                escaped(&value)
            );
        }
        html.push_str("</table>\n");
    }
    let _ = write!(
        html,
        "<p><small>{}</small></p>\n</body>\n</html>\n",
        escaped(text::SIGNATURE)
    );
    html
}

fn colour(item: &Item) -> &'static str {
    match (&item.about, heading(item)) {
        (About::AllClear { .. }, _) => "#2e7d32",
        (_, "Error") => "#c62828",
        (_, "Warning") => "#ef6c00",
        _ => "#1565c0",
    }
}

/// Text that cannot end the element or attribute that it is in.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
