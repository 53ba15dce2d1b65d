//! The hashes that turn passphrases into keys.

use std::ops::Deref;

use aws_lc_rs::{
    digest::{self, SHA1_FOR_LEGACY_USE_ONLY},
    pbkdf2,
};
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

/// A hash inside a derivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// A hash by its own name, as the integrity check of PKCS#12 has it.
    pub(crate) fn of_digest(oid: &str) -> Option<Self> {
        match oid {
            "1.3.14.3.2.26" => Some(Self::Sha1),
            "2.16.840.1.101.3.4.2.1" => Some(Self::Sha256),
            "2.16.840.1.101.3.4.2.2" => Some(Self::Sha384),
            "2.16.840.1.101.3.4.2.3" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// A hash by the name of the HMAC with it, as PBKDF2 has it.
    pub(crate) fn of_hmac(oid: &str) -> Option<Self> {
        match oid {
            "1.2.840.113549.2.7" => Some(Self::Sha1),
            "1.2.840.113549.2.9" => Some(Self::Sha256),
            "1.2.840.113549.2.10" => Some(Self::Sha384),
            "1.2.840.113549.2.11" => Some(Self::Sha512),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// One compression beside one of SHA-256.
    pub(crate) fn cost(self) -> u64 {
        match self {
            Self::Sha1 | Self::Sha256 => 1,
            Self::Md5 => 2,
            Self::Sha384 | Self::Sha512 => 4,
        }
    }

    pub(crate) fn octets(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    pub(crate) fn block_octets(self) -> usize {
        match self {
            Self::Md5 | Self::Sha1 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 => 128,
        }
    }

    /// The hash of these parts, one after the other.
    pub(crate) fn of<const N: usize>(self, parts: [&[u8]; N]) -> Output {
        let Some(algorithm) = self.algorithm() else {
            let mut hash = Md5::new();
            parts.iter().for_each(|part| hash.update(part));
            return Output::of(&hash.finalize());
        };
        let mut hash = digest::Context::new(algorithm);
        parts.iter().for_each(|part| hash.update(part));
        Output::of(hash.finish().as_ref())
    }

    /// The hash of a hash, so often.
    pub(crate) fn again(self, output: Output, times: u64) -> Output {
        match (self, self.algorithm()) {
            (Self::Sha1, _) => sha1_again(&output, times),
            (_, None) => (0..times).fold(output, |output, _| self.of([&output])),
            (_, Some(algorithm)) => {
                let mut times = 0..times;
                let Some(_) = times.next() else { return output };
                // In one go, without a context on the heap.
                let first = digest::digest(algorithm, &output);
                let last = times.fold(first, |last, _| digest::digest(algorithm, last.as_ref()));
                Output::of(last.as_ref())
            }
        }
    }

    /// `None` for MD5, which only old keys of openssl are locked with.
    fn algorithm(self) -> Option<&'static digest::Algorithm> {
        match self {
            Self::Md5 => None,
            Self::Sha1 => Some(&SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => Some(&digest::SHA256),
            Self::Sha384 => Some(&digest::SHA384),
            Self::Sha512 => Some(&digest::SHA512),
        }
    }

    pub(crate) fn pbkdf2(self) -> Option<pbkdf2::Algorithm> {
        match self {
            Self::Md5 => None,
            Self::Sha1 => Some(pbkdf2::PBKDF2_HMAC_SHA1),
            Self::Sha256 => Some(pbkdf2::PBKDF2_HMAC_SHA256),
            Self::Sha384 => Some(pbkdf2::PBKDF2_HMAC_SHA384),
            Self::Sha512 => Some(pbkdf2::PBKDF2_HMAC_SHA512),
        }
    }
}

/// What a hash gave; wiped, for it may be a key. Not on the heap: there may be a million one after the other.
pub(crate) struct Output {
    octets: Zeroizing<[u8; 64]>,
    length: usize,
}

impl Output {
    fn of(octets: &[u8]) -> Self {
        let mut output = Zeroizing::new([0; 64]);
        output[..octets.len()].copy_from_slice(octets);
        Self {
            octets: output,
            length: octets.len(),
        }
    }
}

impl Deref for Output {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

/// The SHA-1 of a SHA-1, so often, block by block: GnuTLS and NSS derive old keys with 1,800,000 of them, and
/// this takes half as long as to hash each as a message.
fn sha1_again(output: &Output, times: u64) -> Output {
    let mut block = Zeroizing::new([0; 64]);
    block[..20].copy_from_slice(output);
    // The padding of a message of 160 bits (FIPS 180-4, section 5.1.1).
    (block[20], block[63]) = (0x80, 160);
    for _ in 0..times {
        let mut state = SHA1_INITIAL;
        sha1::block_api::compress(&mut state, std::slice::from_ref(&*block));
        for (octets, word) in block.as_chunks_mut::<4>().0.iter_mut().zip(state) {
            *octets = word.to_be_bytes();
        }
    }
    Output::of(&block[..20])
}

/// FIPS 180-4, section 5.3.1.
const SHA1_INITIAL: [u32; 5] = [
    0x6745_2301,
    0xefcd_ab89,
    0x98ba_dcfe,
    0x1032_5476,
    0xc3d2_e1f0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashing_again_is_hashing_again() {
        for hash in [
            Hash::Md5,
            Hash::Sha1,
            Hash::Sha256,
            Hash::Sha384,
            Hash::Sha512,
        ] {
            let once = hash.of([b"abc"]);
            assert_eq!(once.len(), hash.octets());
            let thrice = hash.of([&hash.of([&hash.of([b"abc"])])]);
            assert_eq!(*hash.again(hash.of([b"abc"]), 2), *thrice, "{hash:?}");
            assert_eq!(*hash.again(hash.of([b"abc"]), 0), *once, "{hash:?}");
        }
    }
}
