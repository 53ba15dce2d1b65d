//! pbeWithSHAAnd3-KeyTripleDES-CBC (RFC 7292, appendix C): what the oldest readers know.

use aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use des::TdesEde3;
use zeroize::Zeroizing;

use super::{
    super::{der, random},
    ExportError, Octets,
    derive::{Purpose, derive, secret},
};

/// What old and slow machines still open in no time.
pub(super) const ITERATIONS: u32 = 10_000;

/// The AlgorithmIdentifier, and the encrypted octets.
pub(super) fn encrypt(plain: &[u8], passphrase: &str) -> Result<(Octets, Octets), ExportError> {
    let salt = random::<8>()?;
    let secret = secret(passphrase);
    let sha1 = &SHA1_FOR_LEGACY_USE_ONLY;
    let key = derive::<24>(sha1, Purpose::Encryption, &secret, &salt, ITERATIONS);
    let iv = derive::<8>(
        sha1,
        Purpose::InitializationVector,
        &secret,
        &salt,
        ITERATIONS,
    );
    let mut octets = Zeroizing::new(vec![0; plain.len() + DES_BLOCK - plain.len() % DES_BLOCK]);
    octets[..plain.len()].copy_from_slice(plain);
    cbc::Encryptor::<TdesEde3>::new((&*key).into(), (&*iv).into())
        .encrypt_padded::<Pkcs7>(&mut octets, plain.len())
        .map_err(|_| ExportError::Cryptography)?;
    let algorithm = der::sequence(&[
        &der::oid(&[1, 2, 840, 113_549, 1, 12, 1, 3]),
        &der::sequence(&[&der::octet_string(&salt), &der::integer(ITERATIONS)]),
    ]);
    Ok((algorithm, octets))
}

const DES_BLOCK: usize = 8;
