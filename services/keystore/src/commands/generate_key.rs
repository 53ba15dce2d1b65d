//! GenerateKey.

use eventlog::{Origin, derive_id};
use pki::KeyAlgorithm;
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::key::{self, PublicHalf};

/// A key that is here, and has its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Its id.
    pub key_id: Uuid,
    /// Its subjectPublicKeyInfo, DER.
    pub spki_der: Vec<u8>,
    /// Where the log has it.
    pub position: u64,
}

impl Commands {
    /// Makes a key. The same request again answers the same key, also after a crash between the steps.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn generate_key(
        &self,
        origin: &Origin,
        algorithm: KeyAlgorithm,
    ) -> Result<Generated, CommandError> {
        let key_id = derive_id(origin, "key");
        let now = self.clock.now();
        // Step 1: make, wrap and store the key. A crash after this leaves an orphan, which a repeat
        // finds, or else the sweep.
        let stored = self.vault.make(key_id, algorithm, now).await?;
        if stored.algorithm != algorithm {
            return Err(CommandError::RequestIdReused);
        }
        // Step 2: append. An event without its key cannot exist.
        let generate = key::Command::Generate(PublicHalf {
            algorithm,
            spki_der: stored.spki_der.clone(),
        });
        let decide = |state: &key::State| key::decide(state, &generate);
        let id = key_id.to_string();
        let done = self.log.execute(&id, origin, "key", now, decide).await?;
        // Step 3: note it, so that the sweep need not look.
        if !stored.recorded {
            self.vault.mark_recorded(key_id).await?;
        }
        Ok(Generated {
            key_id,
            spki_der: stored.spki_der,
            position: done.position,
        })
    }
}
