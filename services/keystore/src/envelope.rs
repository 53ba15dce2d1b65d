//! Envelope encryption: a data key of its own for each secret, wrapped by the key-encryption key.
//!
//! Both steps are AES-256-GCM with random nonces. The associated data says what the secret is, so
//! that a row which was copied to another place does not open there.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::kek::{Kek, Keks};

/// Why a secret was not sealed, or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The machine gave no random numbers, or the cipher refused.
    #[error("the secret could not be sealed")]
    Seal,
    /// Another key-encryption key sealed it, or it was changed or moved since.
    #[error(
        "the secret does not open: it was sealed with another key-encryption key, or changed since"
    )]
    Open,
}

/// What a secret is: part of its seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(Vec<u8>);

impl Label {
    /// A kind of secret, and what tells it from others of the kind.
    pub fn new(kind: &str, parts: &[&str]) -> Self {
        let mut label = Vec::new();
        for part in [kind].iter().chain(parts) {
            // Each with its length, so that no two lists of parts make one label.
            label.extend_from_slice(&(part.len() as u64).to_be_bytes());
            label.extend_from_slice(part.as_bytes());
        }
        Self(label)
    }

    fn for_layer(&self, layer: u8) -> Vec<u8> {
        [&[layer], self.0.as_slice()].concat()
    }
}

/// Seals a secret: version, wrapped data key, sealed secret.
///
/// # Errors
/// [`EnvelopeError::Seal`].
pub fn seal(kek: &Kek, label: &Label, secret: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let mut data_key = Zeroizing::new(vec![0; KEY_LEN]);
    aws_lc_rs::rand::fill(&mut data_key).map_err(|_| EnvelopeError::Seal)?;
    let mut sealed = vec![VERSION];
    sealed.extend(encrypt(
        kek.octets(),
        &label.for_layer(DATA_KEY),
        &data_key,
    )?);
    sealed.extend(encrypt(&data_key, &label.for_layer(SECRET), secret)?);
    Ok(sealed)
}

/// Opens what [`seal`] made under the same label.
///
/// # Errors
/// [`EnvelopeError::Open`] for anything else.
pub fn open(kek: &Kek, label: &Label, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let (&version, rest) = sealed.split_first().ok_or(EnvelopeError::Open)?;
    if version != VERSION || rest.len() < WRAPPED_LEN {
        return Err(EnvelopeError::Open);
    }
    let (wrapped, secret) = rest.split_at(WRAPPED_LEN);
    let data_key = decrypt(kek.octets(), &label.for_layer(DATA_KEY), wrapped)?;
    decrypt(&data_key, &label.for_layer(SECRET), secret)
}

/// Opens what any of these keys sealed.
///
/// # Errors
/// [`EnvelopeError::Open`].
pub fn open_with_any(
    keks: &Keks,
    label: &Label,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let mut opened = keks.each().map(|kek| open(kek, label, sealed));
    opened
        .find(Result::is_ok)
        .unwrap_or(Err(EnvelopeError::Open))
}

/// Wraps the data key of what one of these keys sealed with another one. The secret itself stays as it is, and was opened
/// before and after.
///
/// # Errors
/// [`EnvelopeError`]; what was sealed is as good as before.
pub fn rewrap(
    from: &Keks,
    to: &Kek,
    label: &Label,
    sealed: &[u8],
) -> Result<Vec<u8>, EnvelopeError> {
    let opened = |kek: &&Kek| open(kek, label, sealed).is_ok();
    let from = from.each().find(opened).ok_or(EnvelopeError::Open)?;
    let before = open(from, label, sealed)?;
    // It has opened: this is where its parts are.
    let (wrapped, secret) = sealed[1..].split_at(WRAPPED_LEN);
    let layer = label.for_layer(DATA_KEY);
    let data_key = decrypt(from.octets(), &layer, wrapped)?;
    let mut anew = vec![VERSION];
    anew.extend(encrypt(to.octets(), &layer, &data_key)?);
    anew.extend_from_slice(secret);
    // Only what opens to the very same takes the place of what is there.
    match open(to, label, &anew)? == before {
        true => Ok(anew),
        false => Err(EnvelopeError::Seal),
    }
}

/// Nonce, ciphertext, tag.
fn encrypt(key: &[u8], associated: &[u8], plain: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| EnvelopeError::Seal)?;
    let mut nonce = [0; NONCE_LEN];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| EnvelopeError::Seal)?;
    let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + TAG_LEN);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let tag = LessSafeKey::new(key)
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated),
            &mut sealed[NONCE_LEN..],
        )
        .map_err(|_| EnvelopeError::Seal)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

fn decrypt(
    key: &[u8],
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| EnvelopeError::Open)?;
    if sealed.len() < NONCE_LEN + TAG_LEN {
        return Err(EnvelopeError::Open);
    }
    let (nonce, content) = sealed.split_at(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| EnvelopeError::Open)?;
    let mut plain = Zeroizing::new(content.to_vec());
    let length = LessSafeKey::new(key)
        .open_in_place(nonce, Aad::from(associated), &mut plain)
        .map_err(|_| EnvelopeError::Open)?
        .len();
    plain.truncate(length);
    Ok(plain)
}

const VERSION: u8 = 1;
const KEY_LEN: usize = 32;
const TAG_LEN: usize = 16;
const WRAPPED_LEN: usize = NONCE_LEN + KEY_LEN + TAG_LEN;
/// The layer in the associated data: neither ciphertext can stand in for the other.
const DATA_KEY: u8 = 1;
const SECRET: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kek::KekSource;

    fn kek() -> Kek {
        let folder = tempfile::tempdir().unwrap();
        let source = KekSource::File(folder.path().join("kek"));
        Kek::make_if_missing(&source).unwrap();
        Kek::read(&source).unwrap()
    }

    #[test]
    fn a_secret_opens_under_its_own_label_and_key_alone() {
        let (kek, label) = (kek(), Label::new("key", &["one"]));
        let sealed = seal(&kek, &label, b"secret").unwrap();
        assert_eq!(open(&kek, &label, &sealed).unwrap().as_slice(), b"secret");
        assert_eq!(
            open(&kek, &Label::new("key", &["two"]), &sealed),
            Err(EnvelopeError::Open)
        );
        assert_eq!(
            open(&super::tests::kek(), &label, &sealed),
            Err(EnvelopeError::Open)
        );
    }

    #[test]
    fn any_change_is_noticed() {
        let (kek, label) = (kek(), Label::new("key", &["one"]));
        let sealed = seal(&kek, &label, b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(
                open(&kek, &label, &changed),
                Err(EnvelopeError::Open),
                "octet {at}"
            );
            assert_eq!(
                open(&kek, &label, &sealed[..at]),
                Err(EnvelopeError::Open),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn the_same_secret_is_never_sealed_the_same() {
        let (kek, label) = (kek(), Label::new("key", &["one"]));
        let seal = || seal(&kek, &label, &[0; 64]).unwrap();
        assert_ne!(seal(), seal());
    }

    #[test]
    fn what_is_wrapped_anew_opens_with_the_new_key_alone_and_under_its_own_label() {
        let (old, new, label) = (kek(), kek(), Label::new("key", &["one"]));
        let sealed = seal(&old, &label, b"secret").unwrap();
        let both = Keks {
            current: new.clone(),
            previous: Some(old.clone()),
        };
        let anew = rewrap(&both, &new, &label, &sealed).unwrap();
        assert_eq!(open(&new, &label, &anew).unwrap().as_slice(), b"secret");
        assert_eq!(open(&old, &label, &anew), Err(EnvelopeError::Open));
        for sealed in [&sealed, &anew] {
            let opened = open_with_any(&both, &label, sealed).unwrap();
            assert_eq!(opened.as_slice(), b"secret");
        }

        let other = Label::new("key", &["two"]);
        for (keks, label, sealed) in [
            (&both, &other, &sealed[..]),
            (&kek().into(), &label, &sealed),
            (&both, &label, &sealed[..sealed.len() - 1]),
            (&both, &label, &sealed[..0]),
        ] {
            let refused = rewrap(keks, &new, label, sealed);
            assert_eq!(refused, Err(EnvelopeError::Open));
        }
    }

    #[test]
    fn labels_do_not_run_into_each_other() {
        assert_ne!(
            Label::new("secret", &["ab", "c"]),
            Label::new("secret", &["a", "bc"])
        );
    }
}
