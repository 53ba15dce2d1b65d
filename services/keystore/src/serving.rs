//! What gateways serve: a table followed from the log, and the stream of its changes with their keys.

mod table;

use std::{collections::HashMap, time::Duration};

use api::keystore::v1::{
    ServingChange, ServingCredential, SnapshotComplete, serving_change::Change,
};
use bytes::Bytes;
use prost::Message;
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder};
use time::OffsetDateTime;
use tokio::sync::mpsc;
use uuid::Uuid;
use zeroize::Zeroizing;

pub(crate) use self::table::{apply, imported};
use crate::{
    follow::Progress,
    tables::served::{Column, Entity, Model},
    vault::{Vault, VaultError},
};

/// What is served now, and each change. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Feed {
    vault: Vault,
    database: DatabaseConnection,
    progress: Progress,
}

/// The rows are as of a position.
#[derive(Debug)]
pub struct Snapshot {
    changes: Vec<Change>,
    position: u64,
}

impl Snapshot {
    /// How many certificates it has.
    pub fn len(&self) -> usize {
        self.changes.len()
    }
}

impl Feed {
    /// The feed of this database.
    pub fn new(vault: Vault, database: DatabaseConnection, progress: Progress) -> Self {
        Self {
            vault,
            database,
            progress,
        }
    }

    /// Until when each factory certificate was or is valid.
    ///
    /// # Errors
    /// What the database says.
    pub async fn factory_certificates(&self) -> Result<Vec<OffsetDateTime>, DbErr> {
        let rows = Entity::find()
            .filter(Column::Factory.eq(true))
            .all(&self.database)
            .await?;
        let not_after = rows
            .into_iter()
            .map(|row| OffsetDateTime::from_unix_timestamp(row.not_after));
        Ok(not_after.flatten().collect())
    }

    /// All that is served now, with the keys.
    ///
    /// # Errors
    /// What the database says.
    pub async fn snapshot(&self) -> Result<Snapshot, DbErr> {
        self.after(0).await
    }

    /// Sends the snapshot, and then each change, until nobody listens any more or the database fails.
    pub async fn send(
        self,
        snapshot: Snapshot,
        to: mpsc::Sender<ServingChange>,
    ) -> Result<(), DbErr> {
        let mut moved = self.progress.subscribe();
        let mut position = snapshot.position;
        let mut changes = snapshot.changes;
        changes.push(Change::SnapshotComplete(SnapshotComplete {}));
        loop {
            for change in changes {
                let change = ServingChange {
                    change: Some(change),
                };
                if to.send(change).await.is_err() {
                    return Ok(());
                }
            }
            tokio::select! {
                _ = tokio::time::timeout(LOOK_AGAIN, moved.changed()) => {}
                () = to.closed() => return Ok(()),
            }
            // Whatever came since the last look, also while it was being sent.
            let later = self.after(position).await?;
            position = later.position;
            changes = later.changes;
        }
    }

    async fn after(&self, position: u64) -> Result<Snapshot, DbErr> {
        let rows = Entity::find()
            .filter(Column::Position.gt(position.cast_signed()))
            .order_by_asc(Column::Position)
            .all(&self.database)
            .await?;
        let reached = rows
            .last()
            .map_or(position, |row| row.position.cast_unsigned());
        let served = rows.iter().filter(|row| !row.deleted);
        let keys = served.filter_map(|row| row.key_id).collect::<Vec<_>>();
        // Where the database fails nothing is left out: what is does not come again.
        let keys = self.vault.open_each(&keys).await?;
        let mut changes = Vec::new();
        for row in rows {
            match row.key_id.filter(|_| !row.deleted) {
                Some(key_id) => {
                    let credential = with_key(row, key_id, &keys);
                    changes.extend(credential.map(Change::Put));
                }
                // At the start nobody has it yet.
                None if position == 0 => {}
                None => changes.push(Change::RemovedCertificateId(row.certificate_id.to_string())),
            }
        }
        Ok(Snapshot {
            changes,
            position: reached,
        })
    }
}

/// One damaged row must not keep all the others from being served: it is left out, loudly.
fn with_key(
    row: Model,
    key_id: Uuid,
    keys: &HashMap<Uuid, Result<Zeroizing<Vec<u8>>, VaultError>>,
) -> Option<ServingCredential> {
    let mut credential = match ServingCredential::decode(row.credential.as_slice()) {
        Ok(credential) => credential,
        Err(error) => {
            tracing::error!(certificate = %row.certificate_id, %error, "a served certificate cannot be read");
            return None;
        }
    };
    credential.fallback = row.fallback;
    let missing = VaultError::NoSuchKey(key_id);
    match keys.get(&key_id).map_or(Err(&missing), Result::as_ref) {
        Ok(key) => {
            credential.private_key_der = Bytes::from_owner(key.clone());
            Some(credential)
        }
        Err(error) => {
            let error: &dyn std::error::Error = error;
            tracing::error!(certificate = %row.certificate_id, key = %key_id, error, "a served certificate's key cannot be opened");
            None
        }
    }
}

/// Another replica may have written the rows, of which nobody tells this one.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
