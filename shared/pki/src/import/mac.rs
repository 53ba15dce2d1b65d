//! The integrity check of PKCS#12 (RFC 7292, sections 4 and 5.1): a MAC whose key comes from the passphrase.

use aws_lc_rs::hmac;

use super::{
    ImportError,
    ber::{Malformed, Values},
    derivation,
    encryption::pkcs12_forms,
    work::Work,
};
use crate::passphrase::{
    Hash,
    pkcs12::{self, Purpose},
};

/// The MAC of a file.
pub(super) struct Mac {
    /// `None` where it is of a kind that is not checked here, as that of RFC 9579.
    hash: Option<Hash>,
    digest: Vec<u8>,
    salt: Vec<u8>,
    iterations: u64,
}

impl Mac {
    /// MacData.
    pub(super) fn parse(mut data: Values<'_>) -> Result<Self, Malformed> {
        let mut info = data.sequence()?;
        let hash = Hash::of_digest(&info.sequence()?.oid()?);
        let digest = info.octets()?.into_owned();
        let salt = data.octets()?.into_owned();
        let iterations = match data.is_empty() {
            true => 1,
            false => data.count()?,
        };
        Ok(Self {
            hash,
            digest,
            salt,
            iterations,
        })
    }

    /// Whether the passphrase made it, where that can be told. It is good for nothing else: whoever could change
    /// the file could make a MAC for it, and what was damaged on the way does not parse or shows in a signature.
    pub(super) fn fits(
        &self,
        passphrase: &str,
        message: &[u8],
        work: &mut Work,
    ) -> Result<Option<bool>, ImportError> {
        // NSS takes 600,000 iterations for this alone, and the locks tell as well.
        let checked = self.hash.filter(|_| self.iterations <= MAX_ITERATIONS);
        let Some(hash) = checked else { return Ok(None) };
        for form in pkcs12_forms(passphrase) {
            let cost = derivation::pkcs12_cost(hash, self.iterations, hash.octets())
                + (message.len() / 64) as u64 * hash.cost();
            work.spend(cost, || ImportError::TooMuchWork {
                what: format!("a MAC with {} iterations", self.iterations),
            })?;
            let (salt, octets) = (&self.salt, hash.octets());
            let key = pkcs12::derive(hash, Purpose::Mac, &form, salt, self.iterations, octets);
            let key = hmac::Key::new(algorithm(hash), &key);
            if hmac::verify(&key, message, &self.digest).is_ok() {
                return Ok(Some(true));
            }
        }
        Ok(Some(false))
    }
}

fn algorithm(hash: Hash) -> hmac::Algorithm {
    match hash {
        // No digest of PKCS#12 is MD5: `Hash::of_digest` does not know it.
        Hash::Md5 | Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha384 => hmac::HMAC_SHA384,
        Hash::Sha512 => hmac::HMAC_SHA512,
    }
}

const MAX_ITERATIONS: u64 = 100_000;
