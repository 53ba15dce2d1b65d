//! Encryption with a passphrase: PBES2 (RFC 8018) of PBKDF2 with HMAC-SHA-256 and AES-256-CBC.
//! Every reader of the last ten years knows these.

use std::num::NonZeroU32;

use aws_lc_rs::{
    cipher::{AES_256, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey},
    pbkdf2,
};
use zeroize::Zeroizing;

use super::{ExportError, Octets, der, random};

/// What was encrypted, and how.
pub(super) struct Encrypted {
    /// AlgorithmIdentifier, DER.
    pub(super) algorithm: Octets,
    pub(super) octets: Octets,
}

/// A key that was made from a passphrase. It is slow to make, and encrypts all of one file, each part by another
/// initialization vector.
pub(super) struct Lock {
    salt: [u8; 16],
    key: Zeroizing<[u8; 32]>,
}

impl Lock {
    pub(super) fn new(passphrase: &str) -> Result<Self, ExportError> {
        let salt = random()?;
        let mut key = Zeroizing::new([0; 32]);
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            ITERATIONS,
            &salt,
            passphrase.as_bytes(),
            key.as_mut_slice(),
        );
        Ok(Self { salt, key })
    }

    pub(super) fn encrypt(&self, plain: &[u8]) -> Result<Encrypted, ExportError> {
        // With room for the padding, so that it does not move and leave the plain text behind.
        let mut octets = Zeroizing::new(Vec::with_capacity(plain.len() + AES_BLOCK));
        octets.extend_from_slice(plain);
        let context = UnboundCipherKey::new(&AES_256, self.key.as_slice())
            .and_then(PaddedBlockEncryptingKey::cbc_pkcs7)
            .and_then(|key| key.encrypt(&mut *octets))
            .map_err(|_| ExportError::Cryptography)?;
        let DecryptionContext::Iv128(iv) = context else {
            return Err(ExportError::Cryptography);
        };
        Ok(Encrypted {
            algorithm: algorithm(&self.salt, iv.as_ref()),
            octets,
        })
    }
}

/// RFC 8018, appendices A.2, A.4 and B.
fn algorithm(salt: &[u8], iv: &[u8]) -> Octets {
    let hmac_sha256 = der::sequence(&[&der::oid(&[1, 2, 840, 113_549, 2, 9]), &der::null()]);
    let pbkdf2 = der::sequence(&[
        &der::oid(&[1, 2, 840, 113_549, 1, 5, 12]),
        &der::sequence(&[
            &der::octet_string(salt),
            &der::integer(ITERATIONS.get()),
            &hmac_sha256,
        ]),
    ]);
    let aes_256_cbc = der::sequence(&[
        &der::oid(&[2, 16, 840, 1, 101, 3, 4, 1, 42]),
        &der::octet_string(iv),
    ]);
    der::sequence(&[
        &der::oid(&[1, 2, 840, 113_549, 1, 5, 13]),
        &der::sequence(&[&pbkdf2, &aes_256_cbc]),
    ])
}

/// Some ten milliseconds: slow to guess by, and quick enough where a hundred keys go out at once.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(100_000).unwrap();

const AES_BLOCK: usize = 16;
