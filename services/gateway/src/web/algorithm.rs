//! Kinds of keys, as pages call them and as forms choose among them.

use api::x509::v1::KeyAlgorithm;

/// A kind of key that can be made.
pub struct Choice {
    /// As forms send it.
    pub value: &'static str,
    /// As people call it.
    pub word: &'static str,
    /// What it is good for.
    pub hint: &'static str,
}

/// Those that can be made, the usual one first.
pub const CHOICES: [Choice; 7] = [
    choice(KeyAlgorithm::EcdsaP256, "fits almost all"),
    choice(KeyAlgorithm::EcdsaP384, "where policy asks"),
    choice(KeyAlgorithm::EcdsaP521, "few public CAs"),
    choice(KeyAlgorithm::Rsa2048, "old clients"),
    choice(KeyAlgorithm::Rsa3072, "old clients, stronger"),
    choice(KeyAlgorithm::Rsa4096, "old clients, slow"),
    choice(KeyAlgorithm::Ed25519, "no public CA"),
];

const fn choice(algorithm: KeyAlgorithm, hint: &'static str) -> Choice {
    Choice {
        value: value(algorithm),
        word: word(algorithm),
        hint,
    }
}

/// As people call it.
pub const fn word(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::Unspecified => "Another kind of key",
        KeyAlgorithm::Rsa2048 => "RSA 2048",
        KeyAlgorithm::Rsa3072 => "RSA 3072",
        KeyAlgorithm::Rsa4096 => "RSA 4096",
        KeyAlgorithm::EcdsaP256 => "ECDSA P-256",
        KeyAlgorithm::EcdsaP384 => "ECDSA P-384",
        KeyAlgorithm::EcdsaP521 => "ECDSA P-521",
        KeyAlgorithm::Ed25519 => "Ed25519",
    }
}

/// As forms send it.
pub const fn value(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::Unspecified => "",
        KeyAlgorithm::Rsa2048 => "rsa-2048",
        KeyAlgorithm::Rsa3072 => "rsa-3072",
        KeyAlgorithm::Rsa4096 => "rsa-4096",
        KeyAlgorithm::EcdsaP256 => "ecdsa-p256",
        KeyAlgorithm::EcdsaP384 => "ecdsa-p384",
        KeyAlgorithm::EcdsaP521 => "ecdsa-p521",
        KeyAlgorithm::Ed25519 => "ed25519",
    }
}

/// What a form sent; unspecified where it is none, which is then refused by its name.
pub fn of_value(text: &str) -> KeyAlgorithm {
    let all = [
        KeyAlgorithm::Rsa2048,
        KeyAlgorithm::Rsa3072,
        KeyAlgorithm::Rsa4096,
        KeyAlgorithm::EcdsaP256,
        KeyAlgorithm::EcdsaP384,
        KeyAlgorithm::EcdsaP521,
        KeyAlgorithm::Ed25519,
    ];
    let named = all.into_iter().find(|algorithm| value(*algorithm) == text);
    named.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_is_read_again() {
        for choice in CHOICES {
            let algorithm = of_value(choice.value);
            assert_ne!(algorithm, KeyAlgorithm::Unspecified);
            assert_eq!(word(algorithm), choice.word);
        }
        assert_eq!(of_value("dsa"), KeyAlgorithm::Unspecified);
        assert_eq!(of_value(""), KeyAlgorithm::Unspecified);
    }
}
