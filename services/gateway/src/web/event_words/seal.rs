//! The seal on the log.

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
        _ => return None,
    };
    Some(words)
}
