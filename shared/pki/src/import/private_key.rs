//! One private key: PKCS#8 (RFC 5958), in the clear and encrypted, PKCS#1 (RFC 8017, appendix A.1), SEC1 (RFC 5915).

use x509_parser::asn1_rs::Tag;

use super::{
    ImportError, Reading,
    ber::{Malformed, Values},
    der,
    der::Shape,
    derivation::NoDerivation,
    encryption::Encryption,
};
use crate::{KeyError, PrivateKey};

/// Reads a private key of any of these forms, whatever form it was said to be.
pub(super) fn read(der: &[u8], what: &str, reading: &mut Reading<'_>) -> Result<(), ImportError> {
    match der::shape(der) {
        Some(Shape::EncryptedPkcs8) => {
            let damaged = |Malformed| ImportError::damaged(what);
            let (algorithm, ciphertext) = parse_encrypted(der).map_err(damaged)?;
            let encryption = Encryption::of(algorithm).map_err(|e| no_encryption(e, what))?;
            let passphrase = reading.passphrase.ok_or(ImportError::PassphraseNeeded)?;
            let clear = encryption.decrypt(passphrase, &ciphertext, &mut reading.work)?;
            read_clear(&clear, what, reading)
        }
        _ => read_clear(der, what, reading),
    }
}

fn read_clear(der: &[u8], what: &str, reading: &mut Reading<'_>) -> Result<(), ImportError> {
    // What checking it costs: RSA by the square of its size.
    let octets = der.len() as u64;
    let cost = 4_000 + octets * octets / 70;
    reading.work.spend(cost, || ImportError::TooManyKeys)?;
    let key = match der::shape(der) {
        Some(Shape::Pkcs8) => pkcs8(der, what)?,
        Some(Shape::Sec1) => sec1(der, what)?,
        Some(Shape::Pkcs1) => match pkcs1_numbers(der) {
            // The version and eight numbers (RFC 8017, appendix A.1.2).
            9.. => pkcs1(der, what)?,
            _ => {
                reading.pass_over("a public key or parameters for keys");
                return Ok(());
            }
        },
        _ => return Err(ImportError::damaged(what)),
    };
    reading.key(key)
}

/// PKCS#8, in the clear.
fn pkcs8(der: &[u8], what: &str) -> Result<PrivateKey, ImportError> {
    let (oid, curve, key) = parse_pkcs8(der).map_err(|Malformed| ImportError::damaged(what))?;
    match oid.as_str() {
        RSA => rsa_of_a_fit_size(key, what)?,
        EC => named_curve(curve)?,
        ED25519 => {}
        other => return Err(unsupported(named_algorithm(other))),
    }
    PrivateKey::from_pkcs8_der(der).map_err(|error| rejected(error, what))
}

fn pkcs1(der: &[u8], what: &str) -> Result<PrivateKey, ImportError> {
    rsa_of_a_fit_size(der, what)?;
    PrivateKey::from_pkcs1_der(der).map_err(|error| rejected(error, what))
}

fn pkcs1_numbers(der: &[u8]) -> usize {
    let Ok(mut key) = Values::of(der).sequence() else {
        return 0;
    };
    (0..9).take_while(|_| key.integer().is_ok()).count()
}

fn sec1(der: &[u8], what: &str) -> Result<PrivateKey, ImportError> {
    let curve = curve_of_sec1(der).map_err(|Malformed| ImportError::damaged(what))?;
    named_curve(curve)?;
    PrivateKey::from_sec1_der(der).map_err(|error| rejected(error, what))
}

/// What is not read of an AlgorithmIdentifier.
pub(super) fn no_encryption(error: NoDerivation, what: &str) -> ImportError {
    match error {
        NoDerivation::Malformed => ImportError::damaged(what),
        NoDerivation::Unsupported(what) => ImportError::UnsupportedEncryption { what },
    }
}

type EncryptedPrivateKeyInfo<'a> = (Values<'a>, std::borrow::Cow<'a, [u8]>);

/// EncryptedPrivateKeyInfo: the algorithm, and the encrypted octets.
pub(super) fn parse_encrypted(der: &[u8]) -> Result<EncryptedPrivateKeyInfo<'_>, Malformed> {
    let mut info = Values::of(der).sequence()?;
    Ok((info.sequence()?, info.octets()?))
}

/// PrivateKeyInfo: the algorithm, its parameters, and the key itself.
fn parse_pkcs8(der: &[u8]) -> Result<(String, Option<Curve>, &[u8]), Malformed> {
    let mut info = Values::of(der).sequence()?;
    info.integer()?;
    let mut algorithm = info.sequence()?;
    let oid = algorithm.oid()?;
    let curve = curve(algorithm);
    let key = info.optional(Tag::OctetString).ok_or(Malformed)?;
    Ok((oid, curve, key.data))
}

/// The parameters of an elliptic curve (RFC 5480, section 2.1.1).
enum Curve {
    Named(String),
    Explicit,
}

fn curve(mut parameters: Values<'_>) -> Option<Curve> {
    match parameters.oid() {
        Ok(oid) => Some(Curve::Named(oid)),
        Err(Malformed) => parameters.sequence().is_ok().then_some(Curve::Explicit),
    }
}

fn curve_of_sec1(der: &[u8]) -> Result<Option<Curve>, Malformed> {
    let mut key = Values::of(der).sequence()?;
    key.integer()?;
    key.octets()?;
    let parameters = key.context(0);
    Ok(parameters.and_then(|parameters| curve(Values::of(parameters.data))))
}

fn named_curve(curve: Option<Curve>) -> Result<(), ImportError> {
    let what = match curve {
        Some(Curve::Named(oid)) => match oid.as_str() {
            "1.2.840.10045.3.1.7" | "1.3.132.0.34" | "1.3.132.0.35" => return Ok(()),
            "1.3.132.0.10" => "an EC key on secp256k1".to_owned(),
            "1.3.132.0.33" => "an EC key on P-224".to_owned(),
            "1.2.840.10045.3.1.1" => "an EC key on P-192".to_owned(),
            other if other.starts_with("1.3.36.3.3.2.8.1.1.") => {
                "an EC key on a Brainpool curve".to_owned()
            }
            other => format!("an EC key on the curve {other}"),
        },
        Some(Curve::Explicit) => "an EC key on a curve without a name".to_owned(),
        None => "an EC key that does not say its curve".to_owned(),
    };
    Err(unsupported(what))
}

/// Before anything is computed with it: what a modulus costs grows with the cube of its size.
fn rsa_of_a_fit_size(der: &[u8], what: &str) -> Result<(), ImportError> {
    let modulus = || {
        let mut key = Values::of(der).sequence()?;
        key.integer()?;
        key.integer()
    };
    let modulus = modulus().map_err(|Malformed| ImportError::damaged(what))?;
    let zeros = modulus.iter().take_while(|&&octet| octet == 0).count();
    let modulus = &modulus[zeros..];
    let first = modulus.first().map_or(0, |octet| octet.leading_zeros());
    match 8 * modulus.len() - first as usize {
        2_048 | 3_072 | 4_096 => Ok(()),
        bits => Err(unsupported(format!("an RSA key of {bits} bits"))),
    }
}

fn named_algorithm(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.10" => "an RSA key for PSS alone".to_owned(),
        "1.2.840.10040.4.1" => "a DSA key".to_owned(),
        "1.2.840.113549.1.3.1" | "1.2.840.10046.2.1" => "a Diffie-Hellman key".to_owned(),
        "1.3.101.110" => "an X25519 key".to_owned(),
        "1.3.101.111" => "an X448 key".to_owned(),
        "1.3.101.113" => "an Ed448 key".to_owned(),
        other => format!("a key of the algorithm {other}"),
    }
}

fn unsupported(what: String) -> ImportError {
    ImportError::UnsupportedKey { what }
}

/// Algorithm and size are known good here: what is left is that its numbers do not fit together.
fn rejected(error: KeyError, what: &str) -> ImportError {
    match error {
        KeyError::Unsupported | KeyError::Generate | KeyError::Encode => ImportError::damaged(what),
    }
}

const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const ED25519: &str = "1.3.101.112";
