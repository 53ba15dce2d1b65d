//! An event's message as text: whole, or with what is long in it cut short.

use api::projection::v1::Event;
use serde_json::Value;

/// The message whole.
pub fn whole(event: &Event) -> String {
    let body = serde_json::to_value(&event.body).unwrap_or_default();
    serde_json::to_string_pretty(&body).unwrap_or_default()
}

/// The message, short enough to stand in a list of many.
pub fn short(event: &Event) -> String {
    let mut body = serde_json::to_value(&event.body).unwrap_or_default();
    shorten(&mut body);
    serde_json::to_string_pretty(&body).unwrap_or_default()
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) if text.chars().count() > LONGEST => {
            let begin = text.chars().take(KEPT).collect::<String>();
            let length = text.chars().count();
            *text = format!("{begin}… ({length} characters)");
        }
        Value::Array(list) => {
            let more = list.len().saturating_sub(MOST);
            list.truncate(MOST);
            list.iter_mut().for_each(shorten);
            if more > 0 {
                list.push(Value::String(format!("… and {more} more")));
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

/// Sentences stay whole.
const LONGEST: usize = 240;
const KEPT: usize = 40;
const MOST: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_cut_and_sentences_are_not() {
        let json = serde_json::json!({
            "der": "M".repeat(2_000),
            "message": "The CA could not reach the host.",
            "names": vec!["a"; 12],
        });
        let event = Event {
            body: serde_json::from_value(json).unwrap(),
            ..Event::default()
        };
        let text = short(&event);
        assert!(
            text.contains("MMMM… (2000 characters)") && text.len() < 500,
            "{text}"
        );
        assert!(text.contains("could not reach the host."));
        assert!(text.contains("… and 2 more"));
        assert!(whole(&event).len() > 2_000);
    }
}
