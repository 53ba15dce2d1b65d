//! Java KeyStore, "JKS": Sun's own format, which old Java programs ask for. PKCS#12 is better in every way.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA1_OUTPUT_LEN};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{Contents, ExportError, Octets, der, pkcs12::trusted_name, random};
use crate::{Certificate, PrivateKey, passphrase::utf16};

/// A JKS file, made at this time. With a key it is one entry of it and its chain; without, an entry for each certificate.
///
/// # Errors
/// [`ExportError`] for contents that do not belong together, for a key without its certificate, and for a passphrase
/// of fewer than six characters, which keytool does not take.
pub fn jks(
    contents: Contents<'_>,
    passphrase: &str,
    now: OffsetDateTime,
) -> Result<Octets, ExportError> {
    contents.check()?;
    if passphrase.encode_utf16().count() < SHORTEST_PASSPHRASE {
        let min = SHORTEST_PASSPHRASE;
        return Err(ExportError::ShortPassphrase { min });
    }
    let secret = utf16(passphrase);
    let made = millis(now).to_be_bytes();
    let certificates = contents.certificates().collect::<Vec<_>>();
    let mut entries = Vec::new();
    match (contents.key, contents.certificate) {
        (Some(key), Some(_)) => {
            let mut entry = vec![number(PRIVATE_KEY_ENTRY), alias(contents.friendly_name)?];
            entry.push(Zeroizing::new(made.to_vec()));
            entry.push(long(&protected(key, &secret)?)?);
            entry.push(number(
                u32::try_from(certificates.len()).map_err(|_| ExportError::TooLarge)?,
            ));
            for certificate in certificates {
                entry.push(certified(certificate)?);
            }
            entries.push(concat(&entry));
        }
        (Some(_), None) => return Err(ExportError::KeyWithoutCertificate),
        (None, leaf) => {
            for (n, certificate) in certificates.into_iter().enumerate() {
                let is_leaf = n == 0 && leaf.is_some();
                let name = trusted_name(contents.friendly_name, certificate, is_leaf, n);
                let made = Zeroizing::new(made.to_vec());
                let entry = [
                    number(TRUSTED_ENTRY),
                    alias(&name)?,
                    made,
                    certified(certificate)?,
                ];
                entries.push(concat(&entry));
            }
        }
    }
    let count = u32::try_from(entries.len()).map_err(|_| ExportError::TooLarge)?;
    let store = der::concat(&[
        &[
            MAGIC.to_be_bytes(),
            VERSION.to_be_bytes(),
            count.to_be_bytes(),
        ]
        .concat(),
        &concat(&entries),
    ]);
    let seal = sha1(&[&secret, SEAL, &store]);
    Ok(der::concat(&[&store, &*seal]))
}

/// Sun's key protector: a stream of SHA-1 over passphrase and salt, and a SHA-1 over passphrase and key to check by.
fn protected(key: &PrivateKey, secret: &[u8]) -> Result<Octets, ExportError> {
    let salt = random::<SHA1_OUTPUT_LEN>()?;
    let plain = key.pkcs8_der();
    let mut octets = Zeroizing::new(Vec::with_capacity(plain.len() + 2 * SHA1_OUTPUT_LEN));
    octets.extend_from_slice(&salt);
    let mut stream = Zeroizing::new(salt);
    for chunk in plain.chunks(SHA1_OUTPUT_LEN) {
        stream = sha1(&[secret, &*stream]);
        octets.extend(
            chunk
                .iter()
                .zip(stream.iter())
                .map(|(plain, key)| plain ^ key),
        );
    }
    octets.extend_from_slice(&*sha1(&[secret, plain]));
    let algorithm = der::oid(&[1, 3, 6, 1, 4, 1, 42, 2, 17, 1, 1]);
    Ok(der::sequence(&[
        &der::sequence(&[&algorithm, &der::null()]),
        &der::octet_string(&octets),
    ]))
}

/// The kind of certificate, its length, and the certificate.
fn certified(certificate: &Certificate) -> Result<Octets, ExportError> {
    Ok(der::concat(&[&utf("X.509")?, &long(&certificate.der)?]))
}

/// In small letters, since Java looks it up so.
fn alias(name: &str) -> Result<Octets, ExportError> {
    utf(&name.to_lowercase())
}

/// Java's modified UTF-8: surrogates are written one by one.
fn utf(text: &str) -> Result<Octets, ExportError> {
    let mut octets = Vec::new();
    for unit in text.encode_utf16() {
        match unit {
            0x01..0x80 => octets.push(unit as u8),
            0 | 0x80..0x800 => {
                octets.extend([0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8])
            }
            _ => octets.extend([
                0xe0 | (unit >> 12) as u8,
                0x80 | (unit >> 6 & 0x3f) as u8,
                0x80 | (unit & 0x3f) as u8,
            ]),
        }
    }
    let length = u16::try_from(octets.len()).map_err(|_| ExportError::TooLarge)?;
    Ok(der::concat(&[&length.to_be_bytes(), &octets]))
}

fn long(octets: &[u8]) -> Result<Octets, ExportError> {
    let length = u32::try_from(octets.len()).map_err(|_| ExportError::TooLarge)?;
    Ok(der::concat(&[&length.to_be_bytes(), octets]))
}

fn number(number: u32) -> Octets {
    Zeroizing::new(number.to_be_bytes().to_vec())
}

fn concat(parts: &[Octets]) -> Octets {
    der::concat(&parts.iter().map(|part| part.as_slice()).collect::<Vec<_>>())
}

fn sha1(parts: &[&[u8]]) -> Zeroizing<[u8; SHA1_OUTPUT_LEN]> {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for part in parts {
        context.update(part);
    }
    let mut digest = Zeroizing::new([0; SHA1_OUTPUT_LEN]);
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Milliseconds since 1970; before, 0.
fn millis(time: OffsetDateTime) -> u64 {
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}

const SHORTEST_PASSPHRASE: usize = 6;
const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
const PRIVATE_KEY_ENTRY: u32 = 1;
const TRUSTED_ENTRY: u32 = 2;
/// Stands between passphrase and store in the digest that seals the file, since 1996.
const SEAL: &[u8] = b"Mighty Aphrodite";
