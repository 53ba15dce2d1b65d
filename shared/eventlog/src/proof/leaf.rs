//! An event as the tree takes it: all that the log stores of it, in one order.
//!
//! The octets that are hashed, numbers big-endian, each text as its length (u32) and its octets:
//!
//! | what | how |
//! | --- | --- |
//! | version of this encoding | one octet, 1 |
//! | sequence in the stream | u64 |
//! | when the server stored it, nanoseconds since 1970 (UTC) | i64 |
//! | subject | text |
//! | how many header fields | u32 |
//! | each field: its name, its value | text, text |
//! | body | text |
//!
//! Fields stand in the order of their names' octets; those of one name as they are stored. The event at sequence
//! n is leaf n - 1. Nothing that is here is ever changed: it would be another tree.

use async_nats::HeaderMap;
use bytes::Bytes;

use super::tree::{self, Hash};

/// An event as it lies in the log, whatever it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Position in the log.
    pub sequence: u64,
    /// When the server stored it: nanoseconds since 1970, UTC.
    pub time: i64,
    /// Its subject.
    pub subject: String,
    /// Its header fields.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
}

impl Stored {
    /// What a message holds.
    pub(crate) fn of(
        sequence: u64,
        time: time::OffsetDateTime,
        subject: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Self {
        let mut fields = fields(headers);
        fields.sort_by_key(|(name, _)| *name);
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            sequence,
            time: nanoseconds(time),
            subject: subject.to_owned(),
            headers: fields.into_iter().map(owned).collect(),
            body,
        }
    }

    /// Its leaf in the tree.
    pub fn leaf(&self) -> Hash {
        let fields = self.headers.iter();
        let mut fields = fields
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect::<Vec<_>>();
        leaf(
            self.sequence,
            self.time,
            &self.subject,
            &mut fields,
            &self.body,
        )
    }

    /// The first value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter();
        let (_, value) = fields.find(|(field, _)| field == name)?;
        Some(value)
    }
}

/// The leaf of a message.
pub(crate) fn of_message(
    sequence: u64,
    time: time::OffsetDateTime,
    subject: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Hash {
    leaf(
        sequence,
        nanoseconds(time),
        subject,
        &mut fields(headers),
        body,
    )
}

fn fields(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let mut fields = Vec::with_capacity(headers.len());
    for (name, values) in headers.iter() {
        let name: &str = name.as_ref();
        fields.extend(values.iter().map(|value| (name, value.as_str())));
    }
    fields
}

fn nanoseconds(time: time::OffsetDateTime) -> i64 {
    // Of the years 1678 to 2262; the server's own clock has the same bounds.
    i64::try_from(time.unix_timestamp_nanos()).unwrap_or(i64::MAX)
}

fn leaf(sequence: u64, time: i64, subject: &str, fields: &mut [(&str, &str)], body: &[u8]) -> Hash {
    // Stable: fields of one name stay in their order.
    fields.sort_by_key(|(name, _)| *name);
    let of_fields = fields.iter().map(|(name, value)| name.len() + value.len());
    let length = FIXED + subject.len() + of_fields.sum::<usize>() + 8 * fields.len() + body.len();
    // Put together first: one long hash is much faster than many short ones.
    let mut octets = Vec::with_capacity(length);
    octets.extend([tree::LEAF, VERSION]);
    octets.extend(sequence.to_be_bytes());
    octets.extend(time.to_be_bytes());
    let text = |octets: &mut Vec<u8>, text: &[u8]| {
        // A message is 64 MiB long at most.
        octets.extend((text.len() as u32).to_be_bytes());
        octets.extend_from_slice(text);
    };
    text(&mut octets, subject.as_bytes());
    octets.extend((fields.len() as u32).to_be_bytes());
    for (name, value) in fields.iter() {
        text(&mut octets, name.as_bytes());
        text(&mut octets, value.as_bytes());
    }
    text(&mut octets, body);
    debug_assert_eq!(octets.len(), length);
    tree::sha256(&octets)
}

const VERSION: u8 = 1;
/// All but what has its own length.
const FIXED: usize = 2 + 8 + 8 + 4 + 4 + 4;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An event of this sequence.
    pub fn stored(sequence: u64) -> Stored {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Stored {
            sequence,
            time: 1_767_225_600_123_456_789,
            subject: "chancery.events.key.k1.generated".to_owned(),
            headers: vec![
                field("Nats-Msg-Id", "00000000-0000-0000-0000-000000000005"),
                field("ce-actor", "token/7"),
            ],
            body: Bytes::from_static(b"{\"algorithm\":\"KEY_ALGORITHM_ED25519\"}"),
        }
    }

    #[test]
    fn the_encoding_stays_what_it_was_in_every_version() {
        // As a program that shares no code with this one made it of the table above.
        let leaf = tree::hex(&stored(9).leaf());
        assert_eq!(
            leaf,
            "9372eeae4d0f7e02f260c5de655a3ac3a2c43cc8d916d777a585b5ab89ed889f"
        );
    }

    #[test]
    fn whatever_is_changed_changes_the_leaf() {
        let event = stored(9);
        let mut others = vec![Stored {
            sequence: 10,
            ..event.clone()
        }];
        others.push(Stored {
            time: event.time + 1,
            ..event.clone()
        });
        others.push(Stored {
            subject: "chancery.events.key.k1.generatee".into(),
            ..event.clone()
        });
        others.push(Stored {
            body: Bytes::from_static(b"{}"),
            ..event.clone()
        });
        let with = |headers: &[(&str, &str)]| {
            let owned = headers
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            Stored {
                headers: owned.collect(),
                ..event.clone()
            }
        };
        others.push(with(&[]));
        others.push(with(&[("ce-actor", "token/7")]));
        others.push(with(&[("ce-actor", "a"), ("ce-actor", "b")]));
        others.push(with(&[("ce-actor", "b"), ("ce-actor", "a")]));
        others.push(with(&[("ce-acto", "rb"), ("ce-actor", "a")]));
        let mut leaves = others.iter().map(Stored::leaf).collect::<Vec<_>>();
        leaves.push(event.leaf());
        leaves.sort_unstable();
        leaves.dedup();
        assert_eq!(leaves.len(), others.len() + 1);
        // Between names the order is ours, as a client's map has none.
        let mut turned = event.clone();
        turned.headers.reverse();
        assert_eq!(turned.leaf(), event.leaf());
    }
}
