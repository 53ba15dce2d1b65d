//! pbeWithSHAAnd3-KeyTripleDES-CBC (RFC 7292, appendix C): what the oldest readers know.

use cbc::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use des::TdesEde3;
use zeroize::Zeroizing;

use super::{
    super::{der, random},
    ExportError, Octets,
};
use crate::passphrase::{
    Hash,
    pkcs12::{self, Purpose},
    utf16_ended,
};

/// What old and slow machines still open in no time.
pub(super) const ITERATIONS: u32 = 10_000;

/// The AlgorithmIdentifier, and the encrypted octets.
pub(super) fn encrypt(plain: &[u8], passphrase: &str) -> Result<(Octets, Octets), ExportError> {
    let salt = random::<8>()?;
    let secret = utf16_ended(passphrase);
    let derive = |purpose, octets| {
        let times = ITERATIONS.into();
        pkcs12::derive(Hash::Sha1, purpose, &secret, &salt, times, octets)
    };
    let key = derive(Purpose::Key, 24);
    let iv = derive(Purpose::InitialVector, DES_BLOCK);
    let mut octets = Zeroizing::new(vec![0; plain.len() + DES_BLOCK - plain.len() % DES_BLOCK]);
    octets[..plain.len()].copy_from_slice(plain);
    cbc::Encryptor::<TdesEde3>::new_from_slices(&key, &iv)
        .map_err(|_| ExportError::Cryptography)?
        .encrypt_padded::<Pkcs7>(&mut octets, plain.len())
        .map_err(|_| ExportError::Cryptography)?;
    let algorithm = der::sequence(&[
        &der::oid(&[1, 2, 840, 113_549, 1, 12, 1, 3]),
        &der::sequence(&[&der::octet_string(&salt), &der::integer(ITERATIONS)]),
    ]);
    Ok((algorithm, octets))
}

const DES_BLOCK: usize = 8;
