//! PKCS#7 and its successor CMS (RFC 5652, section 5): the certificates of a SignedData, signed or not.

use x509_parser::asn1_rs::{Class, Tag};

use super::{
    ImportError, Reading,
    ber::{Malformed, Values},
};

/// Reads the certificates; signatures and what they sign are not looked at.
pub(super) fn read(ber: &[u8], what: &str, reading: &mut Reading<'_>) -> Result<(), ImportError> {
    let damaged = |Malformed| ImportError::damaged(what);
    let (kind, mut content) = content_info(ber).map_err(damaged)?;
    if kind != SIGNED_DATA {
        reading.pass_over(match kind.as_str() {
            ENVELOPED_DATA => "an encrypted message (PKCS#7)",
            _ => "a message without certificates (PKCS#7)",
        });
        return Ok(());
    }
    let mut certificates = certificates(&mut content).map_err(damaged)?;
    while !certificates.is_empty() {
        // The other choices (attribute certificates and the like) have context-specific tags.
        let mut ahead = certificates;
        let choice = ahead.any().map_err(damaged)?;
        let whole = certificates.whole().map_err(damaged)?;
        if choice.class() == Class::Universal && choice.tag() == Tag::Sequence {
            reading.certificate(whole, &format!("a certificate of {what}"))?;
        }
    }
    reading.pass_over("PKCS#7 without certificates");
    Ok(())
}

/// ContentInfo (RFC 5652, section 3): what it is, and its content.
pub(super) fn content_info(ber: &[u8]) -> Result<(String, Values<'_>), Malformed> {
    content_info_of(Values::of(ber).sequence()?)
}

/// The same, of what is in the SEQUENCE.
pub(super) fn content_info_of(mut info: Values<'_>) -> Result<(String, Values<'_>), Malformed> {
    Ok((info.oid()?, info.explicit(0)?))
}

/// The field `certificates` of a SignedData (RFC 5652, section 5.1); without it, nothing.
fn certificates<'a>(content: &mut Values<'a>) -> Result<Values<'a>, Malformed> {
    let mut data = content.sequence()?;
    data.integer()?;
    data.set()?;
    data.sequence()?;
    Ok(data.explicit(0).unwrap_or(Values::of(&[])))
}

/// id-data.
pub(super) const DATA: &str = "1.2.840.113549.1.7.1";
/// id-signedData.
pub(super) const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const ENVELOPED_DATA: &str = "1.2.840.113549.1.7.3";
/// id-encryptedData.
pub(super) const ENCRYPTED_DATA: &str = "1.2.840.113549.1.7.6";
