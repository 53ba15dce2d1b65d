//! What a file in DER is: each form is told by the first two values in its outer SEQUENCE.

use x509_parser::{
    asn1_rs::{Class, Tag},
    certification_request::X509CertificationRequest,
    prelude::FromDer,
    revocation_list::CertificateRevocationList,
};

use super::{
    ImportError, Reading,
    ber::{Malformed, Values},
    pkcs7, pkcs12, private_key,
};

/// The forms that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A certificate, a request, a revocation list: something, an algorithm, and a signature.
    Signed,
    Pkcs7,
    Pkcs12,
    Pkcs8,
    EncryptedPkcs8,
    /// Also RSA public keys and Diffie-Hellman parameters: a version and numbers, or numbers alone.
    Pkcs1,
    Sec1,
    PublicKey,
}

/// What these octets look like, if anything that is known.
pub(super) fn shape(der: &[u8]) -> Option<Shape> {
    let mut outer = Values::of(der).sequence().ok()?;
    let (first, second) = (outer.any().ok()?, outer.any().ok()?);
    let universal = |tag| second.class() == Class::Universal && second.tag() == tag;
    let explicit = second.class() == Class::ContextSpecific && second.tag() == Tag(0);
    match first.tag() {
        Tag::Oid if explicit => Some(Shape::Pkcs7),
        Tag::Integer if universal(Tag::Sequence) && first.data == [3] => Some(Shape::Pkcs12),
        Tag::Integer if universal(Tag::Sequence) => Some(Shape::Pkcs8),
        Tag::Integer if universal(Tag::Integer) => Some(Shape::Pkcs1),
        Tag::Integer if universal(Tag::OctetString) => Some(Shape::Sec1),
        Tag::Sequence if universal(Tag::Sequence) => Some(Shape::Signed),
        Tag::Sequence if universal(Tag::OctetString) => Some(Shape::EncryptedPkcs8),
        Tag::Sequence if universal(Tag::BitString) => Some(Shape::PublicKey),
        _ => None,
    }
}

/// Reads a file in DER (or BER), and says what it is.
pub(super) fn read(der: &[u8], reading: &mut Reading<'_>) -> Result<&'static str, ImportError> {
    let mut file = Values::of(der);
    let outer = file.whole();
    let outer =
        outer.map_err(|Malformed| ImportError::damaged("the file, which ends too soon,"))?;
    let shape = shape(outer).ok_or(ImportError::NotRecognised)?;
    if !file.is_empty() {
        let what = "the file's contents".to_owned();
        return Err(ImportError::TrailingData { what });
    }
    match shape {
        Shape::Signed => signed(outer, reading),
        Shape::Pkcs7 => {
            pkcs7::read(outer, "the PKCS#7 file", reading)?;
            Ok("PKCS#7")
        }
        Shape::Pkcs12 => {
            pkcs12::read(outer, "the PKCS#12 file", reading)?;
            Ok("PKCS#12")
        }
        Shape::Pkcs8 => private_key(outer, "PKCS#8", reading),
        Shape::EncryptedPkcs8 => private_key(outer, "encrypted PKCS#8", reading),
        Shape::Pkcs1 => private_key(outer, "PKCS#1", reading),
        Shape::Sec1 => private_key(outer, "SEC1", reading),
        Shape::PublicKey => {
            reading.pass_over("a public key");
            Ok("DER")
        }
    }
}

fn private_key(
    der: &[u8],
    format: &'static str,
    reading: &mut Reading<'_>,
) -> Result<&'static str, ImportError> {
    private_key::read(der, "the private key", reading)?;
    Ok(format)
}

fn signed(der: &[u8], reading: &mut Reading<'_>) -> Result<&'static str, ImportError> {
    let error = match reading.certificate(der, "the certificate") {
        Err(error @ ImportError::Damaged { .. }) => error,
        other => return other.map(|()| "DER"),
    };
    if X509CertificationRequest::from_der(der).is_ok() {
        reading.pass_over("a certificate request");
    } else if CertificateRevocationList::from_der(der).is_ok() {
        reading.pass_over("a certificate revocation list");
    } else {
        return Err(error);
    }
    Ok("DER")
}
