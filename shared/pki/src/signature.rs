//! Whether something was signed by a key: certificates and requests alike.

use aws_lc_rs::signature::{
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RsaParameters, UnparsedPublicKey,
};
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
        let (key_algorithm, key) = key(spki)?;
        // webpki's table also has P-521, which the parsers of certificates leave out.
        let mut fitting = webpki::ALL_VERIFICATION_ALGS.iter().filter(|algorithm| {
            algorithm.signature_alg_id().as_ref() == self.algorithm
                && algorithm.public_key_alg_id().as_ref() == key_algorithm
        });
        fitting
            .any(|a| {
                a.verify_signature(key, self.message, self.signature)
                    .is_ok()
            })
            .then_some(())
            .ok_or(NotSigned)
    }

    /// The same, and what nobody should sign with any more, too: older roots, public ones among them,
    /// are signed so. It tells which certificate belongs above which, and is no reason to trust one.
    pub(crate) fn verify_of_any_age(&self, spki: &[u8]) -> Result<(), NotSigned> {
        self.verify(spki).or_else(|NotSigned| {
            let (_, key) = key(spki)?;
            let (_, oid) = Any::from_der(self.algorithm).map_err(|_| NotSigned)?;
            let dated = DATED.iter().find(|(known, _)| *known == oid.data);
            let (_, parameters) = dated.ok_or(NotSigned)?;
            UnparsedPublicKey::new(*parameters, key)
                .verify(self.message, self.signature)
                .map_err(|_| NotSigned)
        })
    }
}

/// The algorithm and the key of a subjectPublicKeyInfo.
fn key(spki: &[u8]) -> Result<(&[u8], &[u8]), NotSigned> {
    let (_, outer) = Any::from_der(spki).map_err(|_| NotSigned)?;
    let (rest, algorithm) = Any::from_der(outer.data).map_err(|_| NotSigned)?;
    let (_, key) = Any::from_der(rest).map_err(|_| NotSigned)?;
    Ok((algorithm.data, bits(key.data)?))
}

/// RSA with SHA-1, or with keys of 1024 bits: sha1WithRSAEncryption and its successors (RFC 8017, appendix A.2.4).
const DATED: [(&[u8], &RsaParameters); 3] = [
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05",
        &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
    ),
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b",
        &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    ),
    (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d",
        &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
    ),
];

/// The octets of a BIT STRING that has no unused bits.
fn bits(content: &[u8]) -> Result<&[u8], NotSigned> {
    match content.split_first() {
        Some((0, octets)) => Ok(octets),
        _ => Err(NotSigned),
    }
}
