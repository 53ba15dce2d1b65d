//! The log itself: its seal, and how its tables stand.

use super::{Body, Tone, Words};

/// `seal`
pub(super) fn seal(event: &str, body: &Body) -> Option<Words> {
    let events = match body.number("/size") {
        1 => "1 event".to_owned(),
        size => format!("{size} events"),
    };
    let words = match event {
        "checkpoint-signed" => Words::new("Log sealed", ": ", "shield", Tone::Plain)
            .with([format!("a checkpoint over {events}")]),
        "checkpoint-cosigned" => {
            Words::new("Seal witnessed", ": ", "shield", Tone::Plain).with([format!(
                "{} signed the checkpoint over {events}",
                body.text("/witness")
            )])
        }
        "damage-found" => {
            let first = ["/findings/0/what", "/findings/1/what"].map(|path| body.text(path));
            let named = body.list("/findings").len();
            let more = match named.saturating_sub(first.len()) as u64 + body.number("/more") {
                0 => String::new(),
                more => format!("and {more} more"),
            };
            Words::new("Log damaged", ": ", "error", Tone::Bad).with([
                first[0].to_owned(),
                first[1].to_owned(),
                more,
            ])
        }
        "found-whole" => Words::new("Log whole again", ": ", "check", Tone::Good).with([format!(
            "up to #{} all is as it was recorded",
            body.number("/position")
        )]),
        _ => return None,
    };
    Some(words)
}

/// `tables`
pub(super) fn tables(event: &str, body: &Body) -> Option<Words> {
    let at = |what: &str| {
        let event = body.text("/event");
        format!("{what} #{} ({event})", body.number("/sequence"))
    };
    let words = match event {
        "stopped" => Words::new("Tables stand still", ": ", "error", Tone::Bad)
            .with([at("they cannot take in"), body.text("/error").to_owned()]),
        "resumed" => Words::new("Tables go on", ": ", "check", Tone::Good)
            .with([format!("past #{}", body.number("/sequence"))]),
        "event-skipped" => Words::new("Event passed over", ": ", "error", Tone::Warn)
            .with([at("in every list"), body.text("/reason").to_owned()]),
        _ => return None,
    };
    Some(words)
}
