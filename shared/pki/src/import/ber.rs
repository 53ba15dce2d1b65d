//! BER (X.690) value by value, DER with it: NSS and Windows write PKCS#12 and PKCS#7 with indefinite lengths
//! and with strings in pieces, which readers of DER alone refuse. Nothing is copied but such pieces.

use std::borrow::Cow;

use x509_parser::asn1_rs::{Any, Class, FromBer, Tag};

/// The octets are not BER, or not the value that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// What is left of a row of values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    pub(super) fn of(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn any(&mut self) -> Result<Any<'a>, Malformed> {
        // It goes at most 50 levels down to find the end of an indefinite length.
        let (rest, value) = Any::from_ber(self.0).map_err(|_| Malformed)?;
        self.0 = rest;
        Ok(value)
    }

    /// The next value with its tag and length.
    pub(super) fn whole(&mut self) -> Result<&'a [u8], Malformed> {
        let before = self.0;
        self.any()?;
        Ok(&before[..before.len() - self.0.len()])
    }

    /// The next value, where it has this tag.
    pub(super) fn optional(&mut self, tag: Tag) -> Option<Any<'a>> {
        self.optional_of(Class::Universal, tag)
    }

    /// The next value, where its tag is this context-specific one.
    pub(super) fn context(&mut self, number: u32) -> Option<Any<'a>> {
        self.optional_of(Class::ContextSpecific, Tag(number))
    }

    pub(super) fn sequence(&mut self) -> Result<Values<'a>, Malformed> {
        let value = self.optional(Tag::Sequence).ok_or(Malformed)?;
        Ok(Values(value.data))
    }

    pub(super) fn set(&mut self) -> Result<Values<'a>, Malformed> {
        Ok(Values(self.optional(Tag::Set).ok_or(Malformed)?.data))
    }

    /// The content of an INTEGER.
    pub(super) fn integer(&mut self) -> Result<&'a [u8], Malformed> {
        Ok(self.optional(Tag::Integer).ok_or(Malformed)?.data)
    }

    /// A count: positive; what is past all bounds is the greatest.
    pub(super) fn count(&mut self) -> Result<u64, Malformed> {
        let octets = self.integer()?;
        if octets.first().is_none_or(|first| first & 0x80 != 0) {
            return Err(Malformed);
        }
        let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
        let octets = &octets[zeros..];
        if octets.is_empty() {
            return Err(Malformed);
        }
        if octets.len() > 8 {
            return Ok(u64::MAX);
        }
        Ok(octets
            .iter()
            .fold(0, |count, &octet| count << 8 | u64::from(octet)))
    }

    /// An OBJECT IDENTIFIER in dots.
    pub(super) fn oid(&mut self) -> Result<String, Malformed> {
        let value = self.optional(Tag::Oid).ok_or(Malformed)?;
        // None of those that are known here is longer than a dozen.
        if value.data.len() > 64 {
            return Err(Malformed);
        }
        Ok(value.oid().map_err(|_| Malformed)?.to_id_string())
    }

    /// The content of an OCTET STRING, in one piece or in several.
    pub(super) fn octets(&mut self) -> Result<Cow<'a, [u8]>, Malformed> {
        joined(&self.optional(Tag::OctetString).ok_or(Malformed)?)
    }

    /// A value in an explicit tag.
    pub(super) fn explicit(&mut self, number: u32) -> Result<Values<'a>, Malformed> {
        Ok(Values(self.context(number).ok_or(Malformed)?.data))
    }

    fn optional_of(&mut self, class: Class, tag: Tag) -> Option<Any<'a>> {
        let before = self.0;
        match self.any() {
            Ok(value) if value.class() == class && value.tag() == tag => Some(value),
            _ => {
                self.0 = before;
                None
            }
        }
    }
}

/// The octets of a string, whose tag may be an implicit one.
pub(super) fn joined<'a>(string: &Any<'a>) -> Result<Cow<'a, [u8]>, Malformed> {
    if !string.header.is_constructed() {
        return Ok(Cow::Borrowed(string.data));
    }
    let mut octets = Vec::with_capacity(string.data.len());
    let mut pieces = Values(string.data);
    while !pieces.is_empty() {
        let piece = pieces.optional(Tag::OctetString).ok_or(Malformed)?;
        // Pieces of pieces are allowed, and nobody writes them.
        if piece.header.is_constructed() {
            return Err(Malformed);
        }
        octets.extend_from_slice(piece.data);
    }
    Ok(Cow::Owned(octets))
}

/// Whether these octets are one SEQUENCE and nothing else: what decryption with a wrong key hardly ever gives.
pub(super) fn is_one_sequence(octets: &[u8]) -> bool {
    let mut values = Values(octets);
    values.sequence().is_ok() && values.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indefinite_lengths_and_strings_in_pieces_are_read() {
        let ber = [
            0x30, 0x80, 0x24, 0x80, 0x04, 0x02, 1, 2, 0x04, 0x01, 3, 0, 0, 0x02, 0x01, 7, 0, 0,
        ];
        assert!(is_one_sequence(&ber));
        let mut sequence = Values::of(&ber).sequence().unwrap();
        assert_eq!(sequence.octets().as_deref(), Ok(&[1, 2, 3][..]));
        assert_eq!(sequence.count(), Ok(7));
        assert!(sequence.is_empty());
        assert!(!is_one_sequence(&ber[..ber.len() - 1]));
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let open = [0x30, 0x80].repeat(200_000);
        assert_eq!(Values::of(&open).any().err(), Some(Malformed));
    }

    #[test]
    fn counts_are_positive_and_bounded() {
        let count = |octets: &[u8]| Values::of(octets).count();
        assert_eq!(count(&[2, 2, 0x08, 0]), Ok(2_048));
        assert_eq!(count(&[2, 2, 0, 0xff]), Ok(255));
        let huge = [&[2, 9, 1][..], &[0; 8]].concat();
        assert_eq!(count(&huge), Ok(u64::MAX));
        for no in [&[2, 1, 0][..], &[2, 1, 0xff], &[2, 0], &[4, 1, 1]] {
            assert_eq!(count(no), Err(Malformed));
        }
    }
}
