//! What leaves: certificates, their issuers and private keys in the forms that other programs read.
//!
//! Nothing here decides whether something may leave. [`Contents`] say what goes out, and are checked to belong
//! together; the functions encode them. Whatever may hold a private key is wiped when dropped.

mod archive;
mod der;
mod jks;
mod key;
mod pbes2;
mod pkcs12;
mod pkcs7;

use zeroize::Zeroizing;

pub use archive::{Archive, file_name};
pub use jks::jks;
pub use key::{key_der, key_pem};
pub use pkcs7::{pkcs7_der, pkcs7_pem};
pub use pkcs12::{Encryption, pkcs12};

use crate::{Certificate, PrivateKey, pem};

/// Octets that may hold a private key.
pub type Octets = Zeroizing<Vec<u8>>;

/// What goes out together, in one file or in several.
#[derive(Clone, Copy)]
pub struct Contents<'a> {
    /// What it is called in key stores.
    pub friendly_name: &'a str,
    /// The certificate itself.
    pub certificate: Option<&'a Certificate>,
    /// Its issuers in order, as [`chain::build`](crate::chain::build) finds them.
    pub issuers: &'a [Certificate],
    /// The private key: the certificate's, where that is here too.
    pub key: Option<&'a PrivateKey>,
}

/// How a private key is protected where the form does not need a passphrase.
#[derive(Clone, Copy)]
pub enum Protection<'a> {
    /// Encrypted with this passphrase, which has at least one character.
    Passphrase(&'a str),
    /// Not at all.
    Unprotected,
}

/// One thing as a file of its own.
#[derive(Clone)]
pub struct Part {
    /// What comes behind the friendly name and a dot: "chain.pem".
    pub suffix: String,
    /// Its octets.
    pub content: Octets,
}

/// Why something cannot be written in this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// Neither a certificate, nor an issuer, nor a key.
    #[error("there is nothing to export")]
    Nothing,
    /// The key is another certificate's.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// A Java KeyStore keeps a key under its certificate.
    #[error("a JKS file holds a private key only together with its certificate")]
    KeyWithoutCertificate,
    /// The passphrase is the empty one, where that protects nothing.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// Other programs would not take it.
    #[error("the passphrase has fewer than {min} characters")]
    ShortPassphrase {
        /// How many it must have.
        min: usize,
    },
    /// The machine's random numbers or ciphers failed.
    #[error("the cryptography of this machine failed")]
    Cryptography,
    /// More than the form has room for.
    #[error("it is more than a file of this form can hold")]
    TooLarge,
}

impl<'a> Contents<'a> {
    /// The certificates, the leaf first.
    fn certificates(&self) -> impl Iterator<Item = &'a Certificate> {
        self.certificate.into_iter().chain(self.issuers)
    }

    /// That there is something, and that it belongs together.
    fn check(&self) -> Result<(), ExportError> {
        if self.key.is_none() && self.certificates().next().is_none() {
            return Err(ExportError::Nothing);
        }
        match (self.key, self.certificate) {
            (Some(key), Some(certificate)) if key.spki_der() != certificate.spki_der => {
                Err(ExportError::KeyMismatch)
            }
            _ => Ok(()),
        }
    }
}

/// Everything in one PEM file: the certificate, its issuers, the key.
///
/// # Errors
/// [`ExportError`] for contents that do not belong together, and for an empty passphrase.
pub fn pem(contents: Contents<'_>, protection: Protection<'_>) -> Result<Octets, ExportError> {
    let parts = pem_parts(contents, protection)?;
    let parts = parts.iter().map(|part| part.content.as_slice());
    Ok(der::concat(&parts.collect::<Vec<_>>()))
}

/// A PEM file for each thing: the certificate, its issuers in one, the key.
///
/// # Errors
/// Those of [`pem`](fn@pem).
pub fn pem_parts(
    contents: Contents<'_>,
    protection: Protection<'_>,
) -> Result<Vec<Part>, ExportError> {
    contents.check()?;
    let mut parts = Vec::new();
    if let Some(certificate) = contents.certificate {
        parts.push(Part::public("cert.pem", pem::certificate(&certificate.der)));
    }
    if !contents.issuers.is_empty() {
        let issuers = contents.issuers.iter().map(|c| pem::certificate(&c.der));
        parts.push(Part::public("chain.pem", issuers.collect::<String>()));
    }
    if let Some(key) = contents.key {
        parts.push(Part {
            suffix: "key.pem".into(),
            content: key_pem(key, protection)?,
        });
    }
    Ok(parts)
}

/// A DER file for each certificate, and for the key (PKCS#8).
///
/// # Errors
/// Those of [`pem`](fn@pem).
pub fn der_parts(
    contents: Contents<'_>,
    protection: Protection<'_>,
) -> Result<Vec<Part>, ExportError> {
    contents.check()?;
    let mut parts = Vec::new();
    if let Some(certificate) = contents.certificate {
        parts.push(Part::public("cer", certificate.der.clone()));
    }
    for (n, issuer) in contents.issuers.iter().enumerate() {
        let suffix = format!("issuer-{}.cer", n + 1);
        parts.push(Part::public(suffix, issuer.der.clone()));
    }
    if let Some(key) = contents.key {
        parts.push(Part {
            suffix: "key.p8".into(),
            content: key_der(key, protection)?,
        });
    }
    Ok(parts)
}

impl Part {
    fn public(suffix: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self {
            suffix: suffix.into(),
            content: Zeroizing::new(content.into()),
        }
    }
}

/// A secret random salt or initialization vector.
fn random<const N: usize>() -> Result<[u8; N], ExportError> {
    let mut octets = [0; N];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| ExportError::Cryptography)?;
    Ok(octets)
}
