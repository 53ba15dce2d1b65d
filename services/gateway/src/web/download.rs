//! Files that a person saves.

use axum::{
    body::Body,
    http::{
        HeaderValue,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};

/// A file, to be saved under this name. It is kept nowhere on the way.
pub fn attachment(file_name: &str, media_type: &str, content: impl Into<Body>) -> Response {
    let mut response = content.into().into_response();
    let unknown = HeaderValue::from_static("application/octet-stream");
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_str(media_type).unwrap_or(unknown),
    );
    let saved = HeaderValue::from_str(&disposition(file_name));
    let saved = saved.unwrap_or(HeaderValue::from_static("attachment"));
    headers.insert(CONTENT_DISPOSITION, saved);
    response
}

/// The name for all browsers (RFC 6266, and RFC 8187 for what is not ASCII).
fn disposition(file_name: &str) -> String {
    let plain = |c: char| match c {
        '"' | '\\' | '%' => '_',
        c if c.is_ascii_graphic() || c == ' ' => c,
        _ => '_',
    };
    let ascii = file_name.chars().map(plain).collect::<String>();
    let mut encoded = String::new();
    for byte in file_name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                encoded.push(byte.into());
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_said_in_both_ways_and_ends_nothing() {
        for (name, said) in [
            (
                "shop.csr",
                "attachment; filename=\"shop.csr\"; filename*=UTF-8''shop.csr",
            ),
            (
                "Bücher 1.p12",
                "attachment; filename=\"B_cher 1.p12\"; filename*=UTF-8''B%C3%BCcher%201.p12",
            ),
            (
                "a\"\r\nb",
                "attachment; filename=\"a___b\"; filename*=UTF-8''a%22%0D%0Ab",
            ),
        ] {
            assert_eq!(disposition(name), said);
        }
    }
}
