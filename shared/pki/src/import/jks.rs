//! Java's own key stores: JKS. (Newer Java writes PKCS#12.)
//!
//! The crate that reads JKS trusts the lengths and counts of the file: it asks for the memory they name, and
//! indexes past the end.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{
    ImportError, Reading,
    ber::{Malformed, Values},
    private_key,
};
use crate::passphrase::{Hash, utf16};

/// Whether it starts as a JKS file does.
pub(super) fn is_jks(file: &[u8]) -> bool {
    file.starts_with(&[0xfe, 0xed, 0xfe, 0xed])
}

/// Whether it starts as a JCEKS file does, whose keys are protected in another way.
pub(super) fn is_jceks(file: &[u8]) -> bool {
    file.starts_with(&[0xce, 0xce, 0xce, 0xce])
}

/// Reads all entries: keys with their certificates, and trusted certificates.
pub(super) fn read(file: &[u8], reading: &mut Reading<'_>) -> Result<(), ImportError> {
    let damaged = |Malformed| ImportError::damaged("the Java key store");
    let mut cursor = Cursor(file);
    let entries = parse(&mut cursor).map_err(damaged)?;
    let digest = cursor.0;
    let covered = &file[..file.len() - digest.len()];

    let passphrase = reading.passphrase.map(utf16);
    let has_keys = entries.iter().any(|entry| matches!(entry, Entry::Key(_)));
    match &passphrase {
        Some(passphrase) => {
            let expected = Hash::Sha1.of([passphrase, b"Mighty Aphrodite", covered]);
            if !bool::from(expected.ct_eq(digest)) {
                return Err(ImportError::WrongPassphrase);
            }
        }
        None if has_keys => return Err(ImportError::PassphraseNeeded),
        // Certificates are in the clear, and keytool lists them without a passphrase, too.
        None => {}
    }
    for entry in entries {
        match entry {
            Entry::Certificate(der) => {
                reading.certificate(der, "a certificate of the Java key store")?;
            }
            Entry::Key(protected) => {
                let passphrase = passphrase.as_deref().map_or(&[][..], Vec::as_slice);
                let der = recover(protected, passphrase, reading)?;
                private_key::read(&der, "a private key of the Java key store", reading)?;
            }
        }
    }
    reading.pass_over("a Java key store without entries");
    Ok(())
}

enum Entry<'a> {
    Certificate(&'a [u8]),
    /// Encrypted.
    Key(&'a [u8]),
}

fn parse<'a>(cursor: &mut Cursor<'a>) -> Result<Vec<Entry<'a>>, Malformed> {
    cursor.take(4)?;
    let version = cursor.number()?;
    if version != 1 && version != 2 {
        return Err(Malformed);
    }
    let mut entries = Vec::new();
    for _ in 0..cursor.number()? {
        let kind = cursor.number()?;
        cursor.text()?;
        // The time of creation.
        cursor.take(8)?;
        let certificates = match kind {
            1 => {
                let length = cursor.number()?;
                entries.push(Entry::Key(cursor.take(length)?));
                cursor.number()?
            }
            2 => 1,
            _ => return Err(Malformed),
        };
        for _ in 0..certificates {
            let is_x509 = version == 1 || matches!(cursor.text()?, b"X.509" | b"X509");
            let length = cursor.number()?;
            let der = cursor.take(length)?;
            if is_x509 {
                entries.push(Entry::Certificate(der));
            }
        }
    }
    match cursor.0.len() {
        20 => Ok(entries),
        _ => Err(Malformed),
    }
}

/// Takes off Java's own protection: a stream of SHA-1 hashes, and a hash that tells whether it was the passphrase.
fn recover(
    protected: &[u8],
    passphrase: &[u8],
    reading: &mut Reading<'_>,
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let damaged = |Malformed| ImportError::damaged("a private key of the Java key store");
    let (oid, octets) = parse_protected(protected).map_err(damaged)?;
    if oid != JAVA_KEY_PROTECTOR {
        let what = format!("the scheme {oid}");
        return Err(ImportError::UnsupportedEncryption { what });
    }
    let Some((salt, rest)) = octets.split_at_checked(20) else {
        return Err(damaged(Malformed));
    };
    let Some((hidden, digest)) = rest.split_last_chunk::<20>() else {
        return Err(damaged(Malformed));
    };
    let hashes = (hidden.len() / 20 + 2) * (passphrase.len() / 64 + 2);
    let what = "a long private key".to_owned();
    reading.work.spend(hashes as u64 * Hash::Sha1.cost(), || {
        ImportError::TooMuchWork { what }
    })?;

    let mut clear = Zeroizing::new(hidden.to_vec());
    let mut last = Hash::Sha1.of([passphrase, salt]);
    for piece in clear.chunks_mut(20) {
        piece.iter_mut().zip(last.iter()).for_each(|(o, k)| *o ^= k);
        last = Hash::Sha1.of([passphrase, &last]);
    }
    let expected = Hash::Sha1.of([passphrase, &clear]);
    if !bool::from(expected.ct_eq(digest)) {
        // The store's own digest fitted the passphrase.
        return Err(ImportError::KeyHasOwnPassphrase);
    }
    Ok(clear)
}

type Protected<'a> = (String, std::borrow::Cow<'a, [u8]>);

fn parse_protected(der: &[u8]) -> Result<Protected<'_>, Malformed> {
    let mut info = Values::of(der).sequence()?;
    Ok((info.sequence()?.oid()?, info.octets()?))
}

/// The rest of the file: big-endian numbers, and what they are the lengths of.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<usize, Malformed> {
        let octets = self.take(4)?;
        Ok(octets
            .iter()
            .fold(0, |n, &octet| n << 8 | usize::from(octet)))
    }

    fn text(&mut self) -> Result<&'a [u8], Malformed> {
        let octets = self.take(2)?;
        self.take(usize::from(octets[0]) << 8 | usize::from(octets[1]))
    }
}

const JAVA_KEY_PROTECTOR: &str = "1.3.6.1.4.1.42.2.17.1.1";
