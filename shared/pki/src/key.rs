//! Private keys: made, kept as PKCS#8 v1, and silent in logs.

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
        KeyPair as _, RSA_PKCS1_SHA256,
    },
};
use rcgen::PublicKeyData as _;
use zeroize::Zeroizing;

use crate::fingerprint::sha256_hex;

/// The keys that Chancery makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyAlgorithm {
    /// RSA, 2048 bits; signs with SHA-256, as all RSA keys here (PKCS#1 v1.5).
    Rsa2048,
    /// RSA, 3072 bits.
    Rsa3072,
    /// RSA, 4096 bits; takes about a second to make.
    Rsa4096,
    /// ECDSA on NIST P-256, signs with SHA-256.
    EcdsaP256,
    /// ECDSA on NIST P-384, signs with SHA-384.
    EcdsaP384,
    /// ECDSA on NIST P-521, signs with SHA-512.
    EcdsaP521,
    /// Ed25519 (RFC 8410).
    Ed25519,
}

impl KeyAlgorithm {
    /// Every algorithm, in the order in which people are offered them.
    pub const ALL: [KeyAlgorithm; 7] = [
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Ed25519,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
    ];

    /// The name in configuration and on the command line: "ecdsa-p256".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::EcdsaP521 => "ecdsa-p521",
            Self::Ed25519 => "ed25519",
        }
    }

    /// Whether it is RSA of any size: such keys also encrypt (keyEncipherment).
    pub fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }

    fn signature(self) -> &'static rcgen::SignatureAlgorithm {
        match self {
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => &rcgen::PKCS_RSA_SHA256,
            Self::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Self::EcdsaP521 => &rcgen::PKCS_ECDSA_P521_SHA512,
            Self::Ed25519 => &rcgen::PKCS_ED25519,
        }
    }

    fn of_rsa_octets(octets: usize) -> Option<Self> {
        match octets {
            256 => Some(Self::Rsa2048),
            384 => Some(Self::Rsa3072),
            512 => Some(Self::Rsa4096),
            _ => None,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no algorithm that Chancery makes keys of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a key algorithm: one of ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519, rsa-2048, rsa-3072, rsa-4096"
)]
pub struct UnknownKeyAlgorithm(pub String);

impl FromStr for KeyAlgorithm {
    type Err = UnknownKeyAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
            .ok_or_else(|| UnknownKeyAlgorithm(text.chars().take(40).collect()))
    }
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The machine's random numbers or the key generation failed.
    #[error("the key could not be made")]
    Generate,
    /// Not PKCS#8, or a key of an algorithm or size that Chancery does not make.
    #[error(
        "this is not a PKCS#8 key of RSA (2048, 3072, 4096), ECDSA (P-256, P-384, P-521) or Ed25519"
    )]
    Unsupported,
    /// It could be read, but not written as PKCS#8.
    #[error("the key could not be encoded")]
    Encode,
}

/// A private key in the clear. Its memory is wiped; its `Debug` says nothing.
pub struct PrivateKey {
    algorithm: KeyAlgorithm,
    pair: Pair,
    pkcs8: Zeroizing<Vec<u8>>,
    spki: Vec<u8>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// Makes a key. RSA takes from a tenth of a second to some seconds: call it off the async threads.
    ///
    /// # Errors
    /// [`KeyError::Generate`] where the machine cannot.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let rsa = |size| RsaKeyPair::generate(size).map(Pair::Rsa);
        let ecdsa = |curve| EcdsaKeyPair::generate(curve).map(Pair::Ecdsa);
        let pair = match algorithm {
            KeyAlgorithm::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyAlgorithm::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyAlgorithm::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyAlgorithm::EcdsaP256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyAlgorithm::EcdsaP384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyAlgorithm::EcdsaP521 => ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyAlgorithm::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
        };
        Self::of(algorithm, pair.map_err(|_| KeyError::Generate)?)
    }

    /// Reads PKCS#8 of version 1 (RFC 5208) or 2 (RFC 5958), unencrypted.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for anything but the keys of [`KeyAlgorithm`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        for (curve, algorithm) in CURVES {
            if let Ok(pair) = EcdsaKeyPair::from_pkcs8(curve, der) {
                return Self::of(algorithm, Pair::Ecdsa(pair));
            }
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
            return Self::of(KeyAlgorithm::Ed25519, Pair::Ed25519(pair));
        }
        Self::of_rsa(RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::Unsupported)?)
    }

    /// Reads PKCS#1 (RFC 8017, appendix A.1.2): an RSA key alone, as `BEGIN RSA PRIVATE KEY` has it.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for anything but the sizes of [`KeyAlgorithm`].
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::of_rsa(RsaKeyPair::from_der(der).map_err(|_| KeyError::Unsupported)?)
    }

    /// Reads SEC1 (RFC 5915) with its curve in it: an EC key alone, as `BEGIN EC PRIVATE KEY` has it.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for anything but the curves of [`KeyAlgorithm`].
    pub fn from_sec1_der(der: &[u8]) -> Result<Self, KeyError> {
        for (curve, algorithm) in CURVES {
            if let Ok(pair) = EcdsaKeyPair::from_private_key_der(curve, der) {
                return Self::of(algorithm, Pair::Ecdsa(pair));
            }
        }
        Err(KeyError::Unsupported)
    }

    fn of_rsa(pair: RsaKeyPair) -> Result<Self, KeyError> {
        let algorithm = KeyAlgorithm::of_rsa_octets(pair.public_modulus_len());
        Self::of(algorithm.ok_or(KeyError::Unsupported)?, Pair::Rsa(pair))
    }

    fn of(algorithm: KeyAlgorithm, pair: Pair) -> Result<Self, KeyError> {
        let pkcs8 = match &pair {
            Pair::Rsa(pair) => AsDer::<Pkcs8V1Der>::as_der(pair).map(|der| wiped(der.as_ref())),
            Pair::Ecdsa(pair) => pair.to_pkcs8v1().map(|der| wiped(der.as_ref())),
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map(|der| wiped(der.as_ref())),
        };
        let mut key = Self {
            algorithm,
            pair,
            pkcs8: pkcs8.map_err(|_| KeyError::Encode)?,
            spki: Vec::new(),
        };
        key.spki = key.subject_public_key_info();
        Ok(key)
    }

    /// The key as PKCS#8 version 1 (version 2, which some libraries write, is not read by openssl). Secret.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// What kind of key it is.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The subjectPublicKeyInfo (RFC 5280, section 4.1.2.7), DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of [`Self::spki_der`], hex: what links a key to its certificates.
    pub fn spki_sha256(&self) -> String {
        sha256_hex(&self.spki)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl rcgen::PublicKeyData for PrivateKey {
    fn der_bytes(&self) -> &[u8] {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::Ecdsa(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.algorithm.signature()
    }
}

impl rcgen::SigningKey for PrivateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map(|()| signature)
            }
            Pair::Ecdsa(pair) => pair.sign(&random, message).map(|s| s.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.try_sign(message).map(|s| s.as_ref().to_vec()),
        };
        signature.map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

fn wiped(secret: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(secret.to_vec())
}

const CURVES: [(&EcdsaSigningAlgorithm, KeyAlgorithm); 3] = [
    (&ECDSA_P256_SHA256_ASN1_SIGNING, KeyAlgorithm::EcdsaP256),
    (&ECDSA_P384_SHA384_ASN1_SIGNING, KeyAlgorithm::EcdsaP384),
    (&ECDSA_P521_SHA512_ASN1_SIGNING, KeyAlgorithm::EcdsaP521),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_survives_its_text_and_its_encoding() {
        for algorithm in KeyAlgorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
            let key = PrivateKey::generate(algorithm).unwrap();
            let again = PrivateKey::from_pkcs8_der(key.pkcs8_der()).unwrap();
            assert_eq!(again.algorithm(), algorithm);
            assert_eq!(again.pkcs8_der(), key.pkcs8_der());
            assert_eq!(again.spki_der(), key.spki_der());
        }
    }

    #[test]
    fn ed25519_of_version_2_becomes_version_1() {
        let v2 = Ed25519KeyPair::generate().unwrap().to_pkcs8().unwrap();
        let key = PrivateKey::from_pkcs8_der(v2.as_ref()).unwrap();
        // SEQUENCE, INTEGER 0: version 1 is written as 0 (RFC 5958, section 2).
        assert_eq!(key.pkcs8_der()[2..5], [0x02, 0x01, 0x00]);
    }

    #[test]
    fn a_key_says_nothing_of_itself() {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        assert_eq!(format!("{key:?}"), "PrivateKey");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for no in [
            &b""[..],
            b"0",
            &[0x30, 0x03, 0x02, 0x01, 0x00],
            &[0xff; 200],
        ] {
            assert_eq!(
                PrivateKey::from_pkcs8_der(no).err(),
                Some(KeyError::Unsupported)
            );
        }
        assert!("rsa-1024".parse::<KeyAlgorithm>().is_err());
    }
}
