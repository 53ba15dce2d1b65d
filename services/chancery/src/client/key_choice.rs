//! Which key something new gets: one that is here, or a new one of some kind.

use api::{
    csr::v1::CopyFromResponse,
    keystore::v1::{KeyChoice, key_choice},
    x509::v1::KeyAlgorithm,
};
use clap::{Args, ValueEnum};

use super::{ClientError, Connection, keys};

/// The key of something new.
#[derive(Debug, Clone, Default, Args)]
pub struct KeyArgs {
    /// Make a new key of this kind.
    #[arg(long, value_enum, value_name = "KIND", visible_alias = "new-key")]
    pub key_algorithm: Option<KeyKind>,
    /// Use a key that is here: its id, or the SHA-256 of its public key.
    #[arg(long, value_name = "KEY", conflicts_with = "key_algorithm")]
    pub key: Option<String>,
}

/// What happens where no option names a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsaid {
    /// A new one, of the kind that the copied one has: a re-key.
    NewKey,
    /// The copied one's own: a replacement.
    SameKey,
}

/// The kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyKind {
    /// RSA, 2048 bits.
    #[value(name = "rsa-2048")]
    Rsa2048,
    /// RSA, 3072 bits.
    #[value(name = "rsa-3072")]
    Rsa3072,
    /// RSA, 4096 bits.
    #[value(name = "rsa-4096")]
    Rsa4096,
    /// ECDSA on P-256: what fits nearly everywhere.
    #[value(name = "ecdsa-p256")]
    EcdsaP256,
    /// ECDSA on P-384.
    #[value(name = "ecdsa-p384")]
    EcdsaP384,
    /// ECDSA on P-521.
    #[value(name = "ecdsa-p521")]
    EcdsaP521,
    /// Ed25519; no public CA takes it yet.
    #[value(name = "ed25519")]
    Ed25519,
}

impl From<KeyKind> for KeyAlgorithm {
    fn from(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Rsa2048 => KeyAlgorithm::Rsa2048,
            KeyKind::Rsa3072 => KeyAlgorithm::Rsa3072,
            KeyKind::Rsa4096 => KeyAlgorithm::Rsa4096,
            KeyKind::EcdsaP256 => KeyAlgorithm::EcdsaP256,
            KeyKind::EcdsaP384 => KeyAlgorithm::EcdsaP384,
            KeyKind::EcdsaP521 => KeyAlgorithm::EcdsaP521,
            KeyKind::Ed25519 => KeyAlgorithm::Ed25519,
        }
    }
}

/// The key that was chosen.
///
/// # Errors
/// Where the named key is not here, or the copied one's is wanted and not here.
pub async fn choose(
    args: &KeyArgs,
    copied: Option<&CopyFromResponse>,
    unsaid: Unsaid,
    connection: &Connection,
) -> Result<KeyChoice, ClientError> {
    let key = match &args.key {
        Some(key) => key_choice::Key::ExistingKeyId(keys::find(connection, key).await?.id),
        None => without_look_up(args.key_algorithm, copied, unsaid)?,
    };
    Ok(KeyChoice { key: Some(key) })
}

fn without_look_up(
    kind: Option<KeyKind>,
    copied: Option<&CopyFromResponse>,
    unsaid: Unsaid,
) -> Result<key_choice::Key, ClientError> {
    let new_key = |algorithm: KeyAlgorithm| key_choice::Key::NewKey(algorithm.into());
    match (kind, copied) {
        (Some(kind), _) => Ok(new_key(kind.into())),
        (None, Some(copied)) if unsaid == Unsaid::SameKey => match copied.key_id.as_str() {
            "" => Err(ClientError::NotDone {
                what: format!(
                    "the key of {:?} is not here, so that it cannot be used again: import it first, or say --new-key KIND",
                    copied.friendly_name
                ),
            }),
            id => Ok(key_choice::Key::ExistingKeyId(id.to_owned())),
        },
        (None, copied) => Ok(new_key(match copied.map(CopyFromResponse::key_algorithm) {
            // An imported certificate may have a kind of key that is not made here.
            None | Some(KeyAlgorithm::Unspecified) => KeyAlgorithm::EcdsaP256,
            Some(algorithm) => algorithm,
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(key_id: &str, algorithm: KeyAlgorithm) -> CopyFromResponse {
        CopyFromResponse {
            friendly_name: "shop".into(),
            key_id: key_id.into(),
            key_algorithm: algorithm.into(),
            ..CopyFromResponse::default()
        }
    }

    fn new(algorithm: KeyAlgorithm) -> key_choice::Key {
        key_choice::Key::NewKey(algorithm.into())
    }

    #[test]
    fn a_replacement_keeps_the_key_and_a_re_key_its_kind() {
        let shop = copied("0199", KeyAlgorithm::Rsa3072);
        let same = without_look_up(None, Some(&shop), Unsaid::SameKey).unwrap();
        assert_eq!(same, key_choice::Key::ExistingKeyId("0199".into()));
        let new_key = without_look_up(None, Some(&shop), Unsaid::NewKey).unwrap();
        assert_eq!(new_key, new(KeyAlgorithm::Rsa3072));
        for unsaid in [Unsaid::SameKey, Unsaid::NewKey] {
            let said = without_look_up(Some(KeyKind::Ed25519), Some(&shop), unsaid).unwrap();
            assert_eq!(said, new(KeyAlgorithm::Ed25519));
        }
    }

    #[test]
    fn without_anything_said_or_known_a_key_is_ecdsa_p256() {
        let foreign = copied("", KeyAlgorithm::Unspecified);
        for copied in [None, Some(&foreign)] {
            let key = without_look_up(None, copied, Unsaid::NewKey).unwrap();
            assert_eq!(key, new(KeyAlgorithm::EcdsaP256));
        }
    }

    #[test]
    fn a_replacement_whose_key_is_not_here_says_what_to_do() {
        let elsewhere = copied("", KeyAlgorithm::Rsa2048);
        let error = without_look_up(None, Some(&elsewhere), Unsaid::SameKey).unwrap_err();
        assert!(error.to_string().contains("--new-key"), "{error}");
    }
}
