//! A private key alone: PKCS#8, plain or encrypted (RFC 5958).

use zeroize::Zeroizing;

use super::{ExportError, Octets, Protection, der, pbes2};
use crate::{PrivateKey, pem};

/// PKCS#8 as DER.
///
/// # Errors
/// [`ExportError`] for an empty passphrase, or where the cipher fails.
pub fn key_der(key: &PrivateKey, protection: Protection<'_>) -> Result<Octets, ExportError> {
    match protection {
        Protection::Unprotected => Ok(Zeroizing::new(key.pkcs8_der().to_vec())),
        Protection::Passphrase("") => Err(ExportError::EmptyPassphrase),
        Protection::Passphrase(passphrase) => {
            let encrypted = pbes2::Lock::new(passphrase)?.encrypt(key.pkcs8_der())?;
            let octets = der::octet_string(&encrypted.octets);
            // EncryptedPrivateKeyInfo.
            Ok(der::sequence(&[&encrypted.algorithm, &octets]))
        }
    }
}

/// PKCS#8 as PEM.
///
/// # Errors
/// Those of [`key_der`].
pub fn key_pem(key: &PrivateKey, protection: Protection<'_>) -> Result<Octets, ExportError> {
    let label = match protection {
        Protection::Unprotected => "PRIVATE KEY",
        Protection::Passphrase(_) => "ENCRYPTED PRIVATE KEY",
    };
    let text = pem::encode(label, &key_der(key, protection)?);
    Ok(Zeroizing::new(text.into_bytes()))
}
