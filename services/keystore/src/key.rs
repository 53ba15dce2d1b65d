//! The aggregate `key`: that a private key is here, and which. The key itself is in the vault.

use api::keystore::v1::KeyGenerated;
use eventlog::{Aggregate, Envelope};
use pki::{KeyAlgorithm, fingerprint::sha256_hex};

use crate::{events::KeyEvent, refusal::Refusal};

/// What the log says about a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    #[default]
    Absent,
    /// It was made here.
    Here {
        /// SHA-256 of its subjectPublicKeyInfo, hex.
        spki_sha256: String,
    },
}

/// A key that was made, and is in the vault already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generate {
    /// What it is.
    pub algorithm: KeyAlgorithm,
    /// Its subjectPublicKeyInfo, DER.
    pub spki_der: Vec<u8>,
}

/// A key is generated once. That a repeat of the command is no second one is the log's doing: here
/// only another command can still come, and its key would have another id.
///
/// # Errors
/// [`Refusal::KeyExists`].
pub fn decide(state: &State, command: &Generate) -> Result<KeyEvent, Refusal> {
    match state {
        State::Absent => Ok(KeyEvent::Generated(KeyGenerated {
            algorithm: api::x509::v1::KeyAlgorithm::from(command.algorithm).into(),
            spki_der: command.spki_der.clone().into(),
            spki_sha256: sha256_hex(&command.spki_der),
        })),
        State::Here { .. } => Err(Refusal::KeyExists),
    }
}

impl Aggregate for State {
    const NAME: &'static str = "key";
    type Event = KeyEvent;

    fn evolve(&mut self, event: &KeyEvent, _: &Envelope) {
        let KeyEvent::Generated(generated) = event;
        *self = Self::Here {
            spki_sha256: generated.spki_sha256.clone(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventlog::given::given;

    use crate::samples;

    fn generate() -> Generate {
        Generate {
            algorithm: KeyAlgorithm::EcdsaP256,
            spki_der: samples::SPKI.to_vec(),
        }
    }

    #[test]
    fn a_key_is_generated() {
        given::<State>([])
            .when(|s| decide(s, &generate()))
            .then(samples::generated());
    }

    #[test]
    fn a_key_is_generated_once() {
        given::<State>([samples::generated()])
            .when(|s| decide(s, &generate()))
            .refused(Refusal::KeyExists);
    }
}
