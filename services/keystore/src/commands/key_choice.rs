//! The key of something new: one that is here, or one that is made for it.

use std::sync::Arc;

use eventlog::{Origin, derive_id};
use pki::{KeyAlgorithm, PrivateKey};
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{
    key::{self, PublicHalf},
    vault::SealedKey,
};

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChoice {
    /// This one, which is here.
    Existing(Uuid),
    /// A new one of this algorithm.
    New(KeyAlgorithm),
}

impl KeyChoice {
    /// The key's id: each repeat of a command makes the same key.
    pub(super) fn id(self, origin: &Origin) -> Uuid {
        match self {
            Self::Existing(id) => id,
            Self::New(_) => derive_id(origin, "key"),
        }
    }
}

/// A key that was chosen, ready to sign.
#[derive(Debug, Clone)]
pub(super) struct ChosenKey {
    pub id: Uuid,
    pub key: Arc<PrivateKey>,
    /// It is not in the vault yet.
    pub sealed: Option<Arc<SealedKey>>,
}

impl Commands {
    /// The key, opened or made. The same request again gets the same one, once that is in the vault.
    pub(super) async fn choose_key(
        &self,
        origin: &Origin,
        choice: KeyChoice,
    ) -> Result<ChosenKey, CommandError> {
        let id = choice.id(origin);
        let algorithm = match choice {
            KeyChoice::Existing(_) => {
                self.key(id).await?;
                let key = Arc::new(self.vault.private_key(id).await?);
                let sealed = None;
                return Ok(ChosenKey { id, key, sealed });
            }
            KeyChoice::New(algorithm) => algorithm,
        };
        if let Some(stored) = self.vault.find(id).await? {
            if stored.algorithm != algorithm {
                return Err(CommandError::RequestIdReused);
            }
            let key = Arc::new(self.vault.private_key(id).await?);
            let sealed = None;
            return Ok(ChosenKey { id, key, sealed });
        }
        let sealed = self.vault.generate(id, algorithm, self.clock.now()).await?;
        Ok(ChosenKey {
            id,
            key: sealed.key.clone(),
            sealed: Some(Arc::new(sealed)),
        })
    }

    /// Appends that a key was made, where it was; it is in the vault.
    pub(super) async fn record_generated(
        &self,
        origin: &Origin,
        choice: KeyChoice,
        chosen: &ChosenKey,
    ) -> Result<(), CommandError> {
        if let KeyChoice::Existing(_) = choice {
            return Ok(());
        }
        let generate = key::Command::Generate(PublicHalf {
            algorithm: chosen.key.algorithm(),
            spki_der: chosen.key.spki_der().to_vec(),
        });
        let (id, now) = (chosen.id.to_string(), self.clock.now());
        let decide = |state: &key::State| key::decide(state, &generate);
        self.log.execute(&id, origin, "key", now, decide).await?;
        Ok(())
    }
}
