//! An event as one line of JSON: what `chancery events export` writes, and reads again.
//!
//! ```json
//! {"sequence":1,"time":"2026-01-01T00:00:00.123456789Z","subject":"chancery.events.key.….generated",
//!  "headers":{"ce-actor":["token/…"]},"body":"{\"algorithm\":…}","leaf":"9372eeae…"}
//! ```
//!
//! Where the body is not text, `bodyBase64` stands in place of `body`. `leaf` is what the tree has for this event, in
//! hex, as it was when the line was written.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
    ser::SerializeMap as _,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    leaf::Stored,
    tree::{self, Hash},
};

/// Why a line is not an event.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is not the JSON of one.
    #[error("the line is not an event as `chancery events export` writes it")]
    Json(#[source] serde_json::Error),
    /// A value is not what stands there in an event.
    #[error("the event's {0} is none")]
    Value(&'static str),
}

/// Writes an event, and its leaf in the tree where that is known; without a line's end.
///
/// # Errors
/// Where its time has no text.
pub fn write(event: &Stored, leaf: Option<&Hash>) -> Result<String, LineError> {
    let time = OffsetDateTime::from_unix_timestamp_nanos(event.time.into());
    let time = time.ok().and_then(|time| time.format(&Rfc3339).ok());
    let body = std::str::from_utf8(&event.body);
    let line = Line {
        sequence: event.sequence,
        time: time.ok_or(LineError::Value("time"))?,
        subject: event.subject.clone(),
        headers: Fields(event.headers.clone()),
        body_base64: body.is_err().then(|| STANDARD.encode(&event.body)),
        body: body.ok().map(str::to_owned),
        leaf: leaf.map(tree::hex),
    };
    serde_json::to_string(&line).map_err(LineError::Json)
}

/// Reads one.
///
/// # Errors
/// [`LineError`].
pub fn read(line: &str) -> Result<(Stored, Option<Hash>), LineError> {
    let line: Line = serde_json::from_str(line).map_err(LineError::Json)?;
    let time = OffsetDateTime::parse(&line.time, &Rfc3339).ok();
    let time = time.and_then(|time| i64::try_from(time.unix_timestamp_nanos()).ok());
    let body = match (line.body, line.body_base64) {
        (Some(text), None) => Some(text.into_bytes()),
        (None, Some(octets)) => STANDARD.decode(octets).ok(),
        _ => None,
    };
    let event = Stored {
        sequence: line.sequence,
        time: time.ok_or(LineError::Value("time"))?,
        subject: line.subject,
        headers: line.headers.0,
        body: Bytes::from(body.ok_or(LineError::Value("body"))?),
    };
    let leaf = line.leaf.map(|leaf| from_hex(&leaf));
    match leaf {
        Some(None) => Err(LineError::Value("leaf")),
        leaf => Ok((event, leaf.flatten())),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Line {
    sequence: u64,
    time: String,
    subject: String,
    headers: Fields,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaf: Option<String>,
}

/// Header fields as a map from each name to its values. A name that stands there twice is read twice.
struct Fields(Vec<(String, String)>);

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        // Those of one name stand beside each other.
        for named in self.0.chunk_by(|(one, _), (other, _)| one == other) {
            let values = named.iter().map(|(_, value)| value).collect::<Vec<_>>();
            map.serialize_entry(&named[0].0, &values)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from names to lists of values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, values)) = map.next_entry::<String, Vec<String>>()? {
                    if values.is_empty() {
                        return Err(A::Error::custom("a header field without a value"));
                    }
                    fields.extend(values.into_iter().map(|value| (name.clone(), value)));
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Map)
    }
}

fn from_hex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    let plain = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    for (at, octet) in hash.iter_mut().enumerate() {
        let digits = plain.then(|| text.get(2 * at..2 * at + 2)).flatten()?;
        *octet = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proof::leaf::tests::stored;

    #[test]
    fn a_line_is_what_the_documents_show() {
        let event = stored(9);
        let line = write(&event, Some(&event.leaf())).unwrap();
        assert!(line.starts_with(
            r#"{"sequence":9,"time":"2026-01-01T00:00:00.123456789Z","subject":"chancery.events.key.k1.generated","headers":{"Nats-Msg-Id":["#
        ), "{line}");
        assert!(line.contains(r#""body":"{\"algorithm\":"#), "{line}");
        assert_eq!(read(&line).unwrap(), (event.clone(), Some(event.leaf())));
        assert_eq!(read(&write(&event, None).unwrap()).unwrap(), (event, None));
    }

    #[test]
    fn what_is_not_an_event_is_refused() {
        let event = stored(9);
        let line = write(&event, Some(&event.leaf())).unwrap();
        for (from, to) in [
            ("\"sequence\":9", "\"sequence\":-9"),
            ("\"sequence\":9", "\"sequence\":9,\"sequence\":9"),
            ("\"sequence\":9", "\"sequence\":9,\"more\":1"),
            ("2026-01-01", "2026-13-01"),
            ("\"body\":", "\"bodyBase64\":"),
            ("[\"token/7\"]", "[]"),
            ("\"leaf\":\"", "\"leaf\":\"x"),
        ] {
            let no = line.replacen(from, to, 1);
            assert_ne!(no, line);
            assert!(read(&no).is_err(), "{no}");
        }
    }

    #[test]
    fn a_name_that_stands_twice_is_not_passed_over() {
        let event = stored(9);
        let line = write(&event, None).unwrap();
        let twice = line.replacen("\"ce-actor\":[", "\"ce-actor\":[\"x\"],\"ce-actor\":[", 1);
        assert_ne!(read(&twice).unwrap().0.leaf(), event.leaf());
    }

    proptest! {
        #[test]
        fn any_event_comes_back_as_it_was(
            sequence: u64, time: i64, subject: String, body: Vec<u8>,
            mut headers in prop::collection::vec(("[a-c]{1,2}", ".*"), 0..6),
        ) {
            headers.sort_by(|(one, _), (other, _)| one.cmp(other));
            let event = Stored { sequence, time, subject, headers, body: body.into() };
            let line = write(&event, Some(&event.leaf())).unwrap();
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(read(&line).unwrap(), (event.clone(), Some(event.leaf())));
        }
    }
}
