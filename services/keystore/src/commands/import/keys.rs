//! Private keys that come from outside.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use eventlog::Origin;
use futures_util::{StreamExt, TryStreamExt, stream};
use pki::PrivateKey;
use uuid::Uuid;

use super::{AT_ONCE, ImportedKey, Read};
use crate::{
    claims::{self, Kind},
    commands::{CommandError, Commands},
    key::{self, Command},
    refusal::Refusal,
    vault::SealedKey,
};

impl Commands {
    /// Keeps the keys of all files, each once; by the hash of the public half.
    pub(super) async fn take_in_keys(
        &self,
        origin: &Origin,
        files: &[Read],
    ) -> Result<HashMap<String, ImportedKey>, CommandError> {
        let keys = Read::keys(files).map(|key| (key.spki_sha256(), key));
        let keys = keys.collect::<BTreeMap<_, _>>();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let mut taken = HashMap::new();
        let spkis = keys.keys().map(String::as_str).collect::<Vec<_>>();
        for here in self.vault.find_by_spki(&spkis).await? {
            // One without its event may be swept: it comes in anew.
            if !here.recorded {
                continue;
            }
            let key = ImportedKey {
                key_id: here.id,
                algorithm: here.algorithm,
                spki_sha256: here.spki_sha256.clone(),
                already_here: true,
                certificates: Vec::new(),
                position: 0,
            };
            taken.insert(here.spki_sha256, key);
        }
        // Step 1: wrap and store them, all at once. A crash after this leaves orphans, which a repeat
        // finds, or else the sweep.
        let now = self.clock.now();
        let mut sealed = Vec::new();
        for (spki, key) in keys {
            if taken.contains_key(&spki) {
                continue;
            }
            let id = by_public_key(&spki);
            let copy = PrivateKey::from_pkcs8_der(key.pkcs8_der());
            let copy = copy.map_err(crate::vault::VaultError::Key)?;
            sealed.push(Arc::new(self.vault.seal(id, copy, now)?));
        }
        if sealed.is_empty() {
            return Ok(taken);
        }
        if !self.store(&sealed).await? {
            // One of them was just destroyed.
            self.settled().await?;
            if !self.store(&sealed).await? {
                return Err(Refusal::KeyBeingDestroyed.into());
            }
        }
        // Step 2: append. An event without its key cannot exist.
        let mut imports = Vec::with_capacity(sealed.len());
        for key in sealed {
            imports.push(self.import_key(origin, key));
        }
        let imported = stream::iter(imports)
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        taken.extend(
            imported
                .into_iter()
                .map(|key| (key.spki_sha256.clone(), key)),
        );
        Ok(taken)
    }

    async fn store(&self, sealed: &[Arc<SealedKey>]) -> Result<bool, CommandError> {
        let sealed = sealed.to_vec();
        let stored = self.writer.write(move |tx| {
            Box::pin(async move {
                for key in &sealed {
                    let spki = key.spki_sha256();
                    if claims::holder_of(tx, Kind::Destruction, spki)
                        .await?
                        .is_some()
                    {
                        return Ok(false);
                    }
                }
                for key in &sealed {
                    key.put(tx).await?;
                }
                Ok(true)
            })
        });
        stored.await.map_err(CommandError::Database)
    }

    async fn import_key(
        &self,
        origin: &Origin,
        sealed: Arc<SealedKey>,
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
