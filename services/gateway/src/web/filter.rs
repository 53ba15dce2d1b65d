//! How the lists of the API are asked, term by term.

/// A text as a value of a filter, whatever is in it.
pub fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{text}\"")
}
