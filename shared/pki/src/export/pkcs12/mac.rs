//! The integrity of a PKCS#12 file (RFC 7292, section 4 and appendix A): also what tells a wrong passphrase.

use aws_lc_rs::hmac;

use super::{
    super::{der, random},
    Encryption, ExportError, Octets,
};
use crate::passphrase::{
    Hash,
    pkcs12::{self, Purpose},
    utf16_ended,
};

/// MacData over the octets of the AuthenticatedSafe.
pub(super) fn data(
    octets: &[u8],
    passphrase: &str,
    encryption: Encryption,
) -> Result<Octets, ExportError> {
    let salt = random::<16>()?;
    let secret = utf16_ended(passphrase);
    let (algorithm, hash, hmac, iterations) = match encryption {
        Encryption::Modern => (
            der::oid(&SHA256),
            Hash::Sha256,
            hmac::HMAC_SHA256,
            MODERN_ITERATIONS,
        ),
        Encryption::Legacy => (
            der::oid(&SHA1),
            Hash::Sha1,
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            super::triple_des::ITERATIONS,
        ),
    };
    let (times, length) = (iterations.into(), hash.octets());
    let key = pkcs12::derive(hash, Purpose::Mac, &secret, &salt, times, length);
    let tag = hmac::sign(&hmac::Key::new(hmac, &key), octets);
    let digest_info = der::sequence(&[
        &der::sequence(&[&algorithm, &der::null()]),
        &der::octet_string(tag.as_ref()),
    ]);
    Ok(der::sequence(&[
        &digest_info,
        &der::octet_string(&salt),
        &der::integer(iterations),
    ]))
}

/// As slow to guess by as the encryption.
const MODERN_ITERATIONS: u32 = 100_000;

const SHA256: [u32; 9] = [2, 16, 840, 1, 101, 3, 4, 2, 1];
const SHA1: [u32; 6] = [1, 3, 14, 3, 2, 26];
