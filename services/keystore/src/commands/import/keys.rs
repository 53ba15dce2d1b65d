//! Private keys that come from outside.

use std::collections::{BTreeMap, HashMap, HashSet};

use eventlog::Origin;
use futures_util::{StreamExt, TryStreamExt, stream};
use pki::PrivateKey;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{AT_ONCE, ImportedKey, claim::Incoming};
use crate::{
    commands::{CommandError, Commands},
    key::{self, Command},
    refusal::Refusal,
    vault::SealedKey,
};

impl Commands {
    /// Seals those of the keys that are not here; says which the others are.
    pub(super) async fn seal(
        &self,
        mut keys: BTreeMap<String, PrivateKey>,
    ) -> Result<(Vec<SealedKey>, Vec<ImportedKey>), CommandError> {
        let spkis = keys.keys().map(String::as_str).collect::<Vec<_>>();
        let mut here = Vec::new();
        for key in self.vault.find_by_spki(&spkis).await? {
            // One without its event may be swept: it comes in anew.
            if key.recorded {
                here.push(ImportedKey {
                    key_id: key.id,
                    algorithm: key.algorithm,
                    spki_sha256: key.spki_sha256,
                    already_here: true,
                    certificates: Vec::new(),
                    position: 0,
                });
            }
        }
        for key in &here {
            keys.remove(&key.spki_sha256);
        }
        let (vault, now) = (self.vault.clone(), self.clock.now());
        let seal = move || {
            let sealed = keys
                .into_iter()
                .map(|(spki, key)| vault.seal(by_public_key(&spki), key, now));
            sealed.collect::<Result<Vec<_>, _>>()
        };
        let sealed = spawn_blocking(seal).await.map_err(CommandError::Broken)??;
        Ok((sealed, here))
    }

    /// Appends those of the keys that are going, and are new here; by the hash of the public half.
    pub(super) async fn import_keys(
        &self,
        origin: &Origin,
        incoming: &Incoming,
        going: &HashSet<String>,
    ) -> Result<HashMap<String, ImportedKey>, CommandError> {
        let new = incoming.keys.iter();
        let new = new.filter(|key| going.contains(key.spki_sha256()));
        let imports = new.map(|key| self.import_key(origin, key));
        let imported = stream::iter(imports.collect::<Vec<_>>())
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        let here = incoming.keys_here.iter().cloned();
        let all = here.chain(imported);
        Ok(all.map(|key| (key.spki_sha256.clone(), key)).collect())
    }

    async fn import_key(
        &self,
        origin: &Origin,
        sealed: &SealedKey,
    ) -> Result<ImportedKey, CommandError> {
        let spki_sha256 = sealed.spki_sha256().to_owned();
        let key_id = by_public_key(&spki_sha256);
        let import = Command::Import(sealed.half());
        let decide = |state: &key::State| key::decide(state, &import);
        let (id, now) = (key_id.to_string(), self.clock.now());
        let done = self.log.execute(&id, origin, "key", now, decide).await;
        let (position, already_here) = match done {
            Ok(done) => (done.position, false),
            // Another request has brought the same one in the meantime.
            Err(eventlog::CommandError::Refused(Refusal::KeyExists)) => (0, true),
            Err(error) => return Err(error.into()),
        };
        Ok(ImportedKey {
            key_id,
            algorithm: sealed.key.algorithm(),
            spki_sha256,
            already_here,
            certificates: Vec::new(),
            position,
        })
    }
}

/// The id of a key that came from outside: by what it is, so that two imports of one key meet.
fn by_public_key(spki_sha256: &str) -> Uuid {
    Uuid::new_v5(&BY_PUBLIC_KEY, spki_sha256.as_bytes())
}

const BY_PUBLIC_KEY: Uuid = Uuid::from_u128(0x8e5d_4c03_7b1f_4d92_a6c8_3f90_e2b4_d715);
