//! The integrity of a PKCS#12 file (RFC 7292, section 4 and appendix A): also what tells a wrong passphrase.

use aws_lc_rs::{digest, hmac};

use super::{
    super::{der, random},
    Encryption, ExportError, Octets,
    derive::{Purpose, derive, secret},
};

/// MacData over the octets of the AuthenticatedSafe.
pub(super) fn data(
    octets: &[u8],
    passphrase: &str,
    encryption: Encryption,
) -> Result<Octets, ExportError> {
    let salt = random::<16>()?;
    let secret = secret(passphrase);
    let (algorithm, tag, iterations) = match encryption {
        Encryption::Modern => {
            let iterations = MODERN_ITERATIONS;
            let key = derive::<32>(&digest::SHA256, Purpose::Mac, &secret, &salt, iterations);
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_slice());
            (der::oid(&SHA256), hmac::sign(&key, octets), iterations)
        }
        Encryption::Legacy => {
            let (sha1, iterations) = (
                &digest::SHA1_FOR_LEGACY_USE_ONLY,
                super::triple_des::ITERATIONS,
            );
            let key = derive::<20>(sha1, Purpose::Mac, &secret, &salt, iterations);
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_slice());
            (der::oid(&SHA1), hmac::sign(&key, octets), iterations)
        }
    };
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
