//! What is encrypted with a passphrase: PBES2 and PBES1 (RFC 8018), and the schemes of PKCS#12 (RFC 7292, appendix C).

use cbc::cipher::{
    BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit, block_padding::Pkcs7,
};
use zeroize::Zeroizing;

use super::{
    ImportError,
    ber::{Malformed, Values, is_one_sequence},
    derivation::{self, Derivation, NoDerivation},
    work::Work,
};
use crate::passphrase::{
    Hash,
    pkcs12::{self, Purpose},
    utf16_ended,
};

/// How something was encrypted: the content of an AlgorithmIdentifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Encryption {
    /// PBES2, and PBES1 where its derivation gives the initial vector, too.
    Derived {
        derivation: Derivation,
        cipher: Cipher,
        /// `None`: the second half of what is derived.
        initial_vector: Option<Vec<u8>>,
    },
    /// With the derivation of PKCS#12 and SHA-1.
    Pkcs12 {
        cipher: Cipher,
        salt: Vec<u8>,
        iterations: u64,
    },
}

/// A block cipher in CBC mode, padded as PKCS#7 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    Des,
    TripleDes,
    /// With two keys, the first of them again as the third.
    TripleDesTwoKeys,
    Rc2With40Bits,
    Rc2With128Bits,
}

impl Encryption {
    /// Reads what stands in an AlgorithmIdentifier.
    pub(super) fn of(mut algorithm: Values<'_>) -> Result<Self, NoDerivation> {
        let oid = algorithm.oid()?;
        if oid == PBES2 {
            let mut parameters = algorithm.sequence()?;
            let derivation = Derivation::of_pbes2(parameters.sequence()?)?;
            let (cipher, initial_vector) = Cipher::of_pbes2(parameters.sequence()?)?;
            return Ok(Self::Derived {
                derivation,
                cipher,
                initial_vector: Some(initial_vector),
            });
        }
        let hash = match oid.as_str() {
            "1.2.840.113549.1.5.3" => Some(Hash::Md5),
            "1.2.840.113549.1.5.10" => Some(Hash::Sha1),
            _ => None,
        };
        let cipher = match oid.as_str() {
            "1.2.840.113549.1.12.1.3" => Some(Cipher::TripleDes),
            "1.2.840.113549.1.12.1.4" => Some(Cipher::TripleDesTwoKeys),
            "1.2.840.113549.1.12.1.5" => Some(Cipher::Rc2With128Bits),
            "1.2.840.113549.1.12.1.6" => Some(Cipher::Rc2With40Bits),
            _ => None,
        };
        if hash.is_none() && cipher.is_none() {
            return Err(NoDerivation::Unsupported(named(&oid)));
        }
        let mut parameters = algorithm.sequence()?;
        let salt = parameters.octets()?.into_owned();
        let iterations = parameters.count()?;
        Ok(match (hash, cipher) {
            (Some(hash), _) => Self::Derived {
                derivation: Derivation::Pbkdf1 {
                    hash,
                    salt,
                    iterations,
                },
                cipher: Cipher::Des,
                initial_vector: None,
            },
            (None, cipher) => Self::Pkcs12 {
                cipher: cipher.ok_or(Malformed)?,
                salt,
                iterations,
            },
        })
    }

    /// What decrypting costs with one passphrase, in the units of [`Work`].
    pub(super) fn cost(&self, ciphertext: usize) -> u64 {
        let derived = match self {
            Self::Derived {
                derivation,
                cipher,
                initial_vector,
            } => derivation.cost(match initial_vector {
                Some(_) => cipher.key_octets(),
                None => 16,
            }),
            Self::Pkcs12 {
                cipher, iterations, ..
            } => {
                let cost = |octets| derivation::pkcs12_cost(Hash::Sha1, *iterations, octets);
                cost(8).saturating_add(cost(cipher.key_octets()))
            }
        };
        derived.saturating_add(ciphertext as u64 / cipher_octets_a_unit(self.cipher()))
    }

    /// The octets in the clear, which are one SEQUENCE in all that is read here.
    ///
    /// # Errors
    /// [`ImportError::WrongPassphrase`] where it does not open, and [`ImportError::TooMuchWork`].
    pub(super) fn decrypt(
        &self,
        passphrase: &str,
        ciphertext: &[u8],
        work: &mut Work,
    ) -> Result<Zeroizing<Vec<u8>>, ImportError> {
        let cost = self.cost(ciphertext.len());
        for (n, octets) in self.forms(passphrase).into_iter().enumerate() {
            // The second form of a passphrase is tried where there is time for it: few have it.
            if n > 0 && !work.allows(cost, cost) {
                break;
            }
            work.spend(cost, || self.too_much())?;
            let (key, initial_vector) = self.key(&octets).map_err(|Malformed| self.refused())?;
            let clear = self.cipher().decrypt(&key, &initial_vector, ciphertext);
            if let Some(clear) = clear.filter(|clear| is_one_sequence(clear)) {
                work.opened();
                return Ok(clear);
            }
        }
        Err(ImportError::WrongPassphrase)
    }

    /// The refusal of work that is not done.
    pub(super) fn too_much(&self) -> ImportError {
        ImportError::TooMuchWork {
            what: match self {
                Self::Derived { derivation, .. } => derivation.describe(),
                Self::Pkcs12 { iterations, .. } => {
                    format!("the PKCS#12 derivation with {iterations} iterations")
                }
            },
        }
    }

    fn refused(&self) -> ImportError {
        ImportError::damaged("the description of the encryption")
    }

    fn cipher(&self) -> Cipher {
        match self {
            Self::Derived { cipher, .. } | Self::Pkcs12 { cipher, .. } => *cipher,
        }
    }

    /// The octets that stand for a passphrase here.
    fn forms(&self, passphrase: &str) -> Vec<Zeroizing<Vec<u8>>> {
        match self {
            Self::Derived { .. } => vec![Zeroizing::new(passphrase.as_bytes().to_vec())],
            Self::Pkcs12 { .. } => pkcs12_forms(passphrase),
        }
    }

    /// The key and the initial vector.
    fn key(&self, passphrase: &[u8]) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), Malformed> {
        let octets = self.cipher().key_octets();
        match self {
            Self::Derived {
                derivation,
                initial_vector: Some(initial_vector),
                ..
            } => Ok((
                derivation.derive(passphrase, octets)?,
                initial_vector.clone(),
            )),
            Self::Derived { derivation, .. } => {
                let mut key = derivation.derive(passphrase, 16)?;
                let initial_vector = key[8..].to_vec();
                key.truncate(8);
                Ok((key, initial_vector))
            }
            Self::Pkcs12 {
                salt, iterations, ..
            } => {
                let derive = |purpose, octets| {
                    pkcs12::derive(Hash::Sha1, purpose, passphrase, salt, *iterations, octets)
                };
                let initial_vector = derive(Purpose::InitialVector, 8).to_vec();
                Ok((derive(Purpose::Key, octets), initial_vector))
            }
        }
    }
}

/// The passphrase as PKCS#12 has it: UTF-16 and a zero (RFC 7292, appendix B.1). Of the empty one there are
/// two forms: the zero alone, and nothing.
pub(super) fn pkcs12_forms(passphrase: &str) -> Vec<Zeroizing<Vec<u8>>> {
    let mut forms = vec![utf16_ended(passphrase)];
    if passphrase.is_empty() {
        forms.push(Zeroizing::default());
    }
    forms
}

impl Cipher {
    fn of_pbes2(mut algorithm: Values<'_>) -> Result<(Self, Vec<u8>), NoDerivation> {
        let oid = algorithm.oid()?;
        let cipher = match oid.as_str() {
            "2.16.840.1.101.3.4.1.2" => Self::Aes128,
            "2.16.840.1.101.3.4.1.22" => Self::Aes192,
            "2.16.840.1.101.3.4.1.42" => Self::Aes256,
            "1.2.840.113549.3.7" => Self::TripleDes,
            "1.3.14.3.2.7" => Self::Des,
            _ => return Err(NoDerivation::Unsupported(format!("the cipher {oid}"))),
        };
        Ok((cipher, algorithm.octets()?.into_owned()))
    }

    pub(super) fn key_octets(self) -> usize {
        match self {
            Self::Rc2With40Bits => 5,
            Self::Des => 8,
            Self::Aes128 | Self::TripleDesTwoKeys | Self::Rc2With128Bits => 16,
            Self::Aes192 | Self::TripleDes => 24,
            Self::Aes256 => 32,
        }
    }

    /// `None` where key and initial vector are not of its sizes, or the padding is not one.
    pub(super) fn decrypt(
        self,
        key: &[u8],
        initial_vector: &[u8],
        ciphertext: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (iv, text) = (initial_vector, ciphertext);
        match self {
            Self::Aes128 => cbc(aes::Aes128::new_from_slice(key).ok()?, iv, text),
            Self::Aes192 => cbc(aes::Aes192::new_from_slice(key).ok()?, iv, text),
            Self::Aes256 => cbc(aes::Aes256::new_from_slice(key).ok()?, iv, text),
            Self::Des => cbc(des::Des::new_from_slice(key).ok()?, iv, text),
            Self::TripleDes => cbc(des::TdesEde3::new_from_slice(key).ok()?, iv, text),
            Self::TripleDesTwoKeys => cbc(des::TdesEde2::new_from_slice(key).ok()?, iv, text),
            // The effective bits are those of the key.
            Self::Rc2With40Bits | Self::Rc2With128Bits => {
                cbc(rc2::Rc2::new_from_slice(key).ok()?, iv, text)
            }
        }
    }
}

fn cbc<C>(cipher: C, initial_vector: &[u8], ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>>
where
    C: BlockCipherDecrypt,
{
    let mut octets = Zeroizing::new(ciphertext.to_vec());
    let mode = cbc::Decryptor::inner_iv_slice_init(cipher, initial_vector).ok()?;
    let length = mode.decrypt_padded::<Pkcs7>(&mut octets).ok()?.len();
    octets.truncate(length);
    Some(octets)
}

/// How much is decrypted while SHA-256 compresses one block.
fn cipher_octets_a_unit(cipher: Cipher) -> u64 {
    match cipher {
        Cipher::Aes128 | Cipher::Aes192 | Cipher::Aes256 => 64,
        _ => 1,
    }
}

/// What a scheme that is not read is called.
fn named(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.12.1.1" => "RC4 (128 bits)".to_owned(),
        "1.2.840.113549.1.12.1.2" => "RC4 (40 bits)".to_owned(),
        "1.2.840.113549.1.5.1" | "1.2.840.113549.1.5.4" => "an MD2 or RC2 scheme".to_owned(),
        "1.2.840.113549.1.5.6" | "1.2.840.113549.1.5.11" => "an RC2 scheme".to_owned(),
        _ => format!("the scheme {oid}"),
    }
}

const PBES2: &str = "1.2.840.113549.1.5.13";
