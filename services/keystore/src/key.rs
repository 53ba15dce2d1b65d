//! The aggregate `key`: that a private key is here, and which. The key itself is in the vault.

use api::keystore::v1::{KeyDestroyed, KeyExported, KeyGenerated, KeyImported};
use eventlog::{Aggregate, Envelope};
use pki::{KeyAlgorithm, fingerprint::sha256_hex};

use crate::{events::KeyEvent, refusal::Refusal};

/// What the log says about a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    #[default]
    Absent,
    /// It is here.
    Here,
    /// It was here, and was shredded.
    Destroyed,
}

/// What can be asked of a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// It was made here, and is in the vault already.
    Generate(PublicHalf),
    /// It came from outside, and is in the vault already.
    Import(PublicHalf),
    /// It is about to be given out.
    Export(KeyExported),
    /// Destroy it.
    Destroy,
}

/// What may be known of a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicHalf {
    /// What it is.
    pub algorithm: KeyAlgorithm,
    /// Its subjectPublicKeyInfo, DER.
    pub spki_der: Vec<u8>,
}

/// What happens to the key. A key is generated once: that a repeat of the command is no second one is
/// the log's doing, and another command's key would have another id. An imported key has its id from
/// its public key, and may come again after it was destroyed.
///
/// # Errors
/// [`Refusal`].
pub fn decide(state: &State, command: &Command) -> Result<KeyEvent, Refusal> {
    match (state, command) {
        (State::Absent, Command::Generate(key)) => Ok(KeyEvent::Generated(KeyGenerated {
            algorithm: api::x509::v1::KeyAlgorithm::from(key.algorithm).into(),
            spki_der: key.spki_der.clone().into(),
            spki_sha256: sha256_hex(&key.spki_der),
        })),
        (State::Absent | State::Destroyed, Command::Import(key)) => {
            Ok(KeyEvent::Imported(KeyImported {
                algorithm: api::x509::v1::KeyAlgorithm::from(key.algorithm).into(),
                spki_der: key.spki_der.clone().into(),
                spki_sha256: sha256_hex(&key.spki_der),
            }))
        }
        (State::Here, Command::Export(exported)) => Ok(KeyEvent::Exported(exported.clone())),
        (State::Here, Command::Destroy) => Ok(KeyEvent::Destroyed(KeyDestroyed {})),
        (State::Here, Command::Generate(_) | Command::Import(_))
        | (State::Destroyed, Command::Generate(_)) => Err(Refusal::KeyExists),
        (State::Absent, Command::Export(_) | Command::Destroy) => Err(Refusal::NoSuchKey),
        (State::Destroyed, Command::Export(_) | Command::Destroy) => Err(Refusal::KeyDestroyed),
    }
}

impl Aggregate for State {
    const NAME: &'static str = "key";
    type Event = KeyEvent;

    fn evolve(&mut self, event: &KeyEvent, _: &Envelope) {
        match event {
            KeyEvent::Generated(_) | KeyEvent::Imported(_) => *self = Self::Here,
            KeyEvent::Exported(_) => {}
            KeyEvent::Destroyed(_) => *self = Self::Destroyed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventlog::given::given;

    use crate::samples;

    fn generate() -> Command {
        Command::Generate(half())
    }

    fn import() -> Command {
        Command::Import(half())
    }

    fn half() -> PublicHalf {
        PublicHalf {
            algorithm: KeyAlgorithm::EcdsaP256,
            spki_der: samples::SPKI.to_vec(),
        }
    }

    #[test]
    fn a_key_is_generated_once() {
        given::<State>([])
            .when(|s| decide(s, &generate()))
            .then(samples::generated());
        given::<State>([samples::generated()])
            .when(|s| decide(s, &generate()))
            .refused(Refusal::KeyExists);
    }

    #[test]
    fn a_key_that_was_destroyed_can_come_back_from_outside_alone() {
        let gone = || [samples::key_imported(), samples::key_destroyed()];
        given::<State>(gone())
            .when(|s| decide(s, &import()))
            .then(samples::key_imported());
        given::<State>(gone())
            .when(|s| decide(s, &generate()))
            .refused(Refusal::KeyExists);
        given::<State>(gone())
            .when(|s| decide(s, &Command::Destroy))
            .refused(Refusal::KeyDestroyed);
        given::<State>([samples::key_imported()])
            .when(|s| decide(s, &import()))
            .refused(Refusal::KeyExists);
    }

    #[test]
    fn only_a_key_that_is_here_is_given_out_or_destroyed() {
        let KeyEvent::Exported(exported) = samples::key_exported() else {
            panic!("another event");
        };
        let export = Command::Export(exported);
        given::<State>([samples::generated()])
            .when(|s| decide(s, &export))
            .then(samples::key_exported());
        given::<State>([samples::generated(), samples::key_exported()])
            .when(|s| decide(s, &Command::Destroy))
            .then(samples::key_destroyed());
        for command in [export, Command::Destroy] {
            given::<State>([])
                .when(|s| decide(s, &command))
                .refused(Refusal::NoSuchKey);
        }
    }
}
