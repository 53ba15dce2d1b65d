//! Whether something was signed by a key: certificates and requests alike.

use x509_parser::asn1_rs::{Any, FromDer};

/// What certificates (RFC 5280, section 4.1) and requests (RFC 2986, section 4.2) have in common:
/// something, the algorithm, and the signature over the something.
pub(crate) struct Signed<'a> {
    message: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

/// The octets do not have the shape of something signed, or the signature is not by that key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotSigned;

impl<'a> Signed<'a> {
    pub(crate) fn from_der(der: &'a [u8]) -> Result<Self, NotSigned> {
        let (_, outer) = Any::from_der(der).map_err(|_| NotSigned)?;
        let (rest, _) = Any::from_der(outer.data).map_err(|_| NotSigned)?;
        let message = &outer.data[..outer.data.len() - rest.len()];
        let (rest, algorithm) = Any::from_der(rest).map_err(|_| NotSigned)?;
        let (_, signature) = Any::from_der(rest).map_err(|_| NotSigned)?;
        Ok(Self {
            message,
            algorithm: algorithm.data,
            signature: bits(signature.data)?,
        })
    }

    /// Whether the key of this subjectPublicKeyInfo made the signature.
    pub(crate) fn verify(&self, spki: &[u8]) -> Result<(), NotSigned> {
        let (_, outer) = Any::from_der(spki).map_err(|_| NotSigned)?;
        let (rest, key_algorithm) = Any::from_der(outer.data).map_err(|_| NotSigned)?;
        let (_, key) = Any::from_der(rest).map_err(|_| NotSigned)?;
        let key = bits(key.data)?;
        // webpki's table also has P-521, which the parsers of certificates leave out.
        let mut fitting = webpki::ALL_VERIFICATION_ALGS.iter().filter(|algorithm| {
            algorithm.signature_alg_id().as_ref() == self.algorithm
                && algorithm.public_key_alg_id().as_ref() == key_algorithm.data
        });
        fitting
            .any(|a| {
                a.verify_signature(key, self.message, self.signature)
                    .is_ok()
            })
            .then_some(())
            .ok_or(NotSigned)
    }
}

/// The octets of a BIT STRING that has no unused bits.
fn bits(content: &[u8]) -> Result<&[u8], NotSigned> {
    match content.split_first() {
        Some((0, octets)) => Ok(octets),
        _ => Err(NotSigned),
    }
}
