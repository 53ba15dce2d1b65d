//! What gateways serve: a table followed from the log, and the stream of its changes with their keys.

use std::time::Duration;

use api::keystore::v1::{
    CertificateIssued, CertificateRenewed, CertificateSelfSigned, ServingChange, ServingCredential,
    SnapshotComplete, serving_change::Change,
};
use bytes::Bytes;
use eventlog::{Aggregate, Apply, ApplyError, EventLog, Follower, Recorded, checkpoint, subject};
use prost::Message;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait,
    QueryFilter, QueryOrder,
};
use time::OffsetDateTime;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::{
    certificate,
    events::CertificateEvent,
    tables::served::{ActiveModel, Column, Entity, Model},
    vault::{Vault, VaultError},
};

/// What is served now, and each change. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Feed {
    vault: Vault,
    database: DatabaseConnection,
    /// Tells that the rows have moved on, in this process.
    position: watch::Sender<u64>,
}

/// The rows are as of a position.
#[derive(Debug)]
pub struct Snapshot {
    credentials: Vec<ServingCredential>,
    position: u64,
}

impl Snapshot {
    /// How many certificates it has.
    pub fn len(&self) -> usize {
        self.credentials.len()
    }
}

impl Feed {
    /// The feed of this database.
    pub fn new(vault: Vault, database: DatabaseConnection) -> Self {
        Self {
            vault,
            database,
            position: watch::Sender::new(0),
        }
    }

    /// What keeps the table: to be run beside the service.
    pub fn follower(&self, log: EventLog) -> (Follower, Table) {
        let follower = Follower {
            name: NAME.into(),
            subjects: vec![subject::of_kind(certificate::State::NAME)],
            log,
            database: self.database.clone(),
        };
        let table = Table {
            position: self.position.clone(),
        };
        (follower, table)
    }

    /// Returns once the table has every event up to this position.
    ///
    /// # Errors
    /// What the database says.
    pub async fn caught_up(&self, position: u64) -> Result<(), DbErr> {
        let mut moved = self.position.subscribe();
        while checkpoint::checkpoint(&self.database, NAME).await?.sequence < position {
            let _ = tokio::time::timeout(LOOK_AGAIN, moved.changed()).await;
        }
        Ok(())
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
        let mut moved = self.position.subscribe();
        let mut position = snapshot.position;
        let put = |credential| ServingChange {
            change: Some(Change::Put(credential)),
        };
        for credential in snapshot.credentials {
            if to.send(put(credential)).await.is_err() {
                return Ok(());
            }
        }
        let complete = Change::SnapshotComplete(SnapshotComplete {});
        if to
            .send(ServingChange {
                change: Some(complete),
            })
            .await
            .is_err()
        {
            return Ok(());
        }
        loop {
            // Whatever came since the last look, also while it was being sent.
            let changes = self.after(position).await?;
            position = changes.position;
            for credential in changes.credentials {
                if to.send(put(credential)).await.is_err() {
                    return Ok(());
                }
            }
            tokio::select! {
                _ = tokio::time::timeout(LOOK_AGAIN, moved.changed()) => {}
                () = to.closed() => return Ok(()),
            }
        }
    }

    async fn after(&self, position: u64) -> Result<Snapshot, DbErr> {
        let rows = Entity::find()
            .filter(Column::Position.gt(signed(position)))
            .order_by_asc(Column::Position)
            .all(&self.database)
            .await?;
        let reached = rows
            .last()
            .map(|row| row.position.cast_unsigned())
            .unwrap_or(position);
        let mut credentials = Vec::new();
        for row in rows {
            credentials.extend(self.with_key(row).await?);
        }
        Ok(Snapshot {
            credentials,
            position: reached,
        })
    }

    /// One damaged row must not keep all the others from being served: it is left out, loudly. A
    /// database that fails damages nothing: what is left out then would not come again.
    async fn with_key(&self, row: Model) -> Result<Option<ServingCredential>, DbErr> {
        let mut credential = match ServingCredential::decode(row.credential.as_slice()) {
            Ok(credential) => credential,
            Err(error) => {
                tracing::error!(certificate = %row.certificate_id, %error, "a served certificate cannot be read");
                return Ok(None);
            }
        };
        match self.vault.open_pkcs8(row.key_id).await {
            Ok(key) => {
                credential.private_key_der = Bytes::from_owner(key);
                Ok(Some(credential))
            }
            Err(VaultError::Database(error)) => Err(error),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(certificate = %row.certificate_id, key = %row.key_id, error, "a served certificate's key cannot be opened");
                Ok(None)
            }
        }
    }
}

/// Writes the rows of what is served.
#[derive(Debug)]
pub struct Table {
    position: watch::Sender<u64>,
}

#[async_trait::async_trait]
impl Apply for Table {
    async fn apply(
        &mut self,
        tx: &DatabaseTransaction,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        for recorded in events {
            let event = recorded
                .decode()
                .map_err(|error| ApplyError::event(recorded, error))?;
            let renewed = matches!(event, CertificateEvent::Renewed(_));
            let Some(row) =
                row(recorded, event).map_err(|error| ApplyError::event(recorded, error))?
            else {
                continue;
            };
            if renewed {
                // Where there is a row: what is not served as version 1 is not by its renewal.
                Entity::update_many()
                    .filter(Column::CertificateId.eq(row.certificate_id))
                    .set(ActiveModel::from(row).reset_all())
                    .exec(tx)
                    .await?;
            } else {
                let row = ActiveModel::from(row);
                Entity::insert(row).exec_without_returning(tx).await?;
            }
        }
        Ok(())
    }

    async fn committed(&mut self, position: u64, _: &[Recorded]) {
        self.position.send_replace(position);
    }
}

/// An event lacks what makes it one.
#[derive(Debug, thiserror::Error)]
#[error("the event has no {0}")]
struct Missing(&'static str);

fn row(recorded: &Recorded, event: CertificateEvent) -> Result<Option<Model>, Missing> {
    let served = match event {
        CertificateEvent::Issued(CertificateIssued { serve: false, .. })
        | CertificateEvent::SelfSigned(CertificateSelfSigned { serve: false, .. }) => {
            return Ok(None);
        }
        CertificateEvent::Issued(CertificateIssued {
            key_id,
            certificate,
            issuers,
            ..
        }) => Served {
            version: 1,
            key_id,
            certificate,
            issuers,
            factory: false,
        },
        CertificateEvent::Renewed(CertificateRenewed {
            version,
            key_id,
            certificate,
            issuers,
            ..
        }) => Served {
            version,
            key_id,
            certificate,
            issuers,
            factory: false,
        },
        CertificateEvent::SelfSigned(CertificateSelfSigned {
            key_id,
            certificate,
            factory,
            ..
        }) => Served {
            version: 1,
            key_id,
            certificate,
            issuers: Vec::new(),
            factory,
        },
    };
    served.row(recorded).map(Some)
}

struct Served {
    version: u32,
    key_id: String,
    certificate: Option<api::x509::v1::Certificate>,
    issuers: Vec<api::x509::v1::Certificate>,
    factory: bool,
}

impl Served {
    fn row(self, recorded: &Recorded) -> Result<Model, Missing> {
        let leaf = self.certificate.ok_or(Missing("certificate"))?;
        let certificate_id = recorded
            .id
            .parse::<Uuid>()
            .map_err(|_| Missing("certificate id"))?;
        let key_id = self.key_id.parse::<Uuid>().map_err(|_| Missing("key id"))?;
        let not_after = leaf.not_after.as_ref().ok_or(Missing("end"))?.seconds;
        let mut issuers = self.issuers;
        // Whoever trusts the root has it; whoever does not would not take it from here.
        if issuers.last().is_some_and(|last| last.self_signed) {
            issuers.pop();
        }
        let credential = ServingCredential {
            certificate_id: recorded.id.clone(),
            version: self.version,
            subject_alt_names: leaf.subject_alt_names,
            chain_der: std::iter::once(leaf.der)
                .chain(issuers.into_iter().map(|c| c.der))
                .collect(),
            private_key_der: Default::default(),
            fallback: self.factory,
            position: recorded.sequence,
            rank: 0,
        };
        Ok(Model {
            certificate_id,
            version: self.version.into(),
            key_id,
            credential: credential.encode_to_vec(),
            factory: self.factory,
            not_after,
            position: signed(recorded.sequence),
        })
    }
}

/// SQL has no unsigned numbers; no log comes near 2^63 events.
fn signed(position: u64) -> i64 {
    position.cast_signed()
}

/// Another replica may have written the rows, of which nobody tells this one.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The follower's name.
const NAME: &str = "serving";
