//! Distinguished names as text (RFC 4514).

use x509_parser::{
    asn1_rs::Tag,
    x509::{AttributeTypeAndValue, X509Name},
};

use crate::{SubjectFields, fingerprint::hex};

/// The name as RFC 4514 writes it: the most specific part first, "CN=www.example.com,O=Example".
pub(crate) fn text(name: &X509Name<'_>) -> String {
    let parts = name.iter().map(|rdn| {
        let attributes = rdn.iter().map(attribute).collect::<Vec<_>>();
        attributes.join("+")
    });
    let mut parts = parts.collect::<Vec<_>>();
    parts.reverse();
    parts.join(",")
}

/// The first common name, as it stands; empty where there is none.
pub(crate) fn common_name(name: &X509Name<'_>) -> String {
    name.iter_common_name().find_map(string).unwrap_or_default()
}

/// The name field by field: of each kind the first that can be read.
pub(crate) fn fields(name: &X509Name<'_>) -> SubjectFields {
    let first = |kind: &str| {
        let mut attributes = name.iter_attributes();
        let first = attributes.find(|a| short_name(a) == Some(kind));
        first.and_then(string).unwrap_or_default()
    };
    SubjectFields {
        common_name: first("CN"),
        organization: first("O"),
        organizational_unit: first("OU"),
        locality: first("L"),
        state_or_province: first("ST"),
        country: first("C"),
        email_address: first("emailAddress"),
    }
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    match (short_name(attribute), string(attribute)) {
        (Some(kind), Some(value)) => format!("{kind}={}", escaped(&value)),
        // Section 2.4: a kind without a short name goes as its number, with its encoding in hex.
        _ => {
            let oid = attribute.attr_type().to_id_string();
            format!("{oid}=#{}", hex(&encoding(attribute)))
        }
    }
}

fn short_name(attribute: &AttributeTypeAndValue<'_>) -> Option<&'static str> {
    let oid = attribute.attr_type().to_id_string();
    let mut kinds = KINDS.iter();
    kinds
        .find(|(known, _)| *known == oid)
        .map(|(_, kind)| *kind)
}

fn string(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let value = attribute.attr_value();
    match value.header.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString => {
            String::from_utf8(value.data.to_vec()).ok()
        }
        // Latin-1, which is what is found in such strings.
        Tag::T61String => Some(value.data.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let units = value
                .data
                .chunks_exact(2)
                .map(|c| u16::from_be_bytes([c[0], c[1]]));
            String::from_utf16(&units.collect::<Vec<_>>()).ok()
        }
        _ => None,
    }
}

fn encoding(attribute: &AttributeTypeAndValue<'_>) -> Vec<u8> {
    use x509_parser::asn1_rs::ToDer;
    attribute.attr_value().to_der_vec().unwrap_or_default()
}

/// RFC 4514, section 2.4.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (n, c) in value.chars().enumerate() {
        match c {
            // Only NUL has to be; a line break or an escape would forge what is printed around it.
            c if c.is_control() => {
                for octet in c.encode_utf8(&mut [0; 4]).bytes() {
                    text.extend(["\\", &hex(&[octet])]);
                }
            }
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => text.extend(['\\', c]),
            ' ' if n == 0 || n == last => text.push_str("\\ "),
            '#' if n == 0 => text.push_str("\\#"),
            c => text.push(c),
        }
    }
    text
}

/// The kinds of RFC 4514, section 3, and the e-mail address, which every tool writes like this.
const KINDS: [(&str, &str); 10] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn special_characters_are_escaped() {
        assert_eq!(
            escaped("Sue, Grabbit & \"Runn\""),
            "Sue\\, Grabbit & \\\"Runn\\\""
        );
        assert_eq!(escaped(" #a "), "\\ #a\\ ");
        assert_eq!(escaped("#a"), "\\#a");
        assert_eq!(escaped("München"), "München");
        assert_eq!(
            escaped("a\0b\n\u{1b}[2J\u{9b}"),
            "a\\00b\\0a\\1b[2J\\c2\\9b"
        );
    }
}
