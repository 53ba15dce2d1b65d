//! Keeps private keys sealed, signs with them, and shreds them. Knows no event.

mod many;
mod sealed;

use std::sync::Arc;

use pki::{KeyAlgorithm, PrivateKey, Subject, SubjectAltNames, csr, self_signed};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection,
    DbBackend, DbErr, EntityTrait, QueryFilter, sea_query::Expr,
};
use time::OffsetDateTime;
use tokio::task::{JoinError, spawn_blocking};
use uuid::Uuid;
use zeroize::Zeroizing;

pub use self::sealed::{SealedKey, is_here, put_all, with_spkis};
use crate::{
    envelope::{EnvelopeError, Label},
    keyring::Keyring,
    makers::Makers,
    tables::{ROWS_AT_ONCE, sealed_key},
};

/// The keys, and what opens them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vault {
    keyring: Keyring,
    database: DatabaseConnection,
    makers: Makers,
}

/// What is known of a key without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its id.
    pub id: Uuid,
    /// What it is.
    pub algorithm: KeyAlgorithm,
    /// Its subjectPublicKeyInfo, DER.
    pub spki_der: Vec<u8>,
    /// SHA-256 of it, hex.
    pub spki_sha256: String,
    /// The log is known to have its event.
    pub recorded: bool,
}

/// Why the vault did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no such key.
    #[error("there is no key {0} in the vault")]
    NoSuchKey(Uuid),
    /// A key does not open.
    #[error("key {id} cannot be opened")]
    Open {
        /// Which.
        id: Uuid,
        /// Why not.
        #[source]
        source: EnvelopeError,
    },
    /// A key could not be sealed.
    #[error("a key cannot be sealed")]
    Seal(#[source] EnvelopeError),
    /// A key could not be made, or what was opened is not one.
    #[error("a key cannot be made or read")]
    Key(#[source] pki::KeyError),
    /// A request or certificate could not be built.
    #[error("cannot build what is to be signed")]
    Build(#[source] csr::BuildError),
    /// A thread that makes keys did not start, or ended before its time.
    #[error("there is no thread to make a key on")]
    Maker(#[source] std::io::Error),
    /// The work on a key ended before its time.
    #[error("the work on a key was broken off")]
    Broken(#[source] JoinError),
    /// The database did not answer.
    #[error("the vault's database does not answer")]
    Database(#[from] DbErr),
}

impl Vault {
    /// The keys in this database, which the keyring opens.
    pub fn new(keyring: Keyring, database: DatabaseConnection) -> Self {
        Self {
            keyring,
            database,
            makers: Makers::new(),
        }
    }

    /// Makes a key, and seals it under this id unless there is one already: whoever comes second
    /// gets the key of the first.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn make(
        &self,
        id: Uuid,
        algorithm: KeyAlgorithm,
        now: OffsetDateTime,
    ) -> Result<StoredKey, VaultError> {
        loop {
            if let Some(stored) = self.find(id).await?
                && self.touch(id, now).await?
            {
                return Ok(stored);
            }
            let sealed = self.generate(id, algorithm, now).await?;
            sealed.put(&self.database).await?;
        }
    }

    /// Makes a key, and seals it under this id; it is in the vault once it is put there.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn generate(
        &self,
        id: Uuid,
        algorithm: KeyAlgorithm,
        now: OffsetDateTime,
    ) -> Result<SealedKey, VaultError> {
        let key = match algorithm.is_rsa() {
            true => self.makers.make(algorithm).await?,
            // Made in an instant.
            false => {
                off_thread(move || PrivateKey::generate(algorithm).map_err(VaultError::Key)).await?
            }
        };
        self.seal(id, key, now)
    }

    /// Seals a key under this id; it is in the vault once it is put there.
    ///
    /// # Errors
    /// [`VaultError::Seal`].
    pub fn seal(
        &self,
        id: Uuid,
        key: PrivateKey,
        now: OffsetDateTime,
    ) -> Result<SealedKey, VaultError> {
        let sealed = self.keyring.seal(&label(id), key.pkcs8_der());
        let sealed = sealed.map_err(VaultError::Seal)?;
        let row = sealed_key::Model {
            id,
            algorithm: key.algorithm().to_string(),
            spki_der: key.spki_der().to_vec(),
            spki_sha256: key.spki_sha256(),
            sealed: sealed.octets,
            kek_id: Some(sealed.kek_id),
            touched_at: now.unix_timestamp(),
            recorded: false,
        };
        let key = Arc::new(key);
        Ok(SealedKey { key, row })
    }

    /// What is known of a key.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn find(&self, id: Uuid) -> Result<Option<StoredKey>, VaultError> {
        let row = sealed_key::Entity::find_by_id(id)
            .one(&self.database)
            .await?;
        row.map(stored).transpose()
    }

    /// The keys with these public keys (SHA-256, hex).
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn find_by_spki(&self, spki_sha256: &[&str]) -> Result<Vec<StoredKey>, VaultError> {
        let mut found = Vec::new();
        for keys in spki_sha256.chunks(ROWS_AT_ONCE) {
            let rows = sealed_key::Entity::find()
                .filter(sealed_key::Column::SpkiSha256.is_in(keys.iter().copied()));
            for row in rows.all(&self.database).await? {
                found.push(stored(row)?);
            }
        }
        Ok(found)
    }

    /// The key, ready to sign.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn private_key(&self, id: Uuid) -> Result<PrivateKey, VaultError> {
        let pkcs8 = self.open_pkcs8(id).await?;
        off_thread(move || PrivateKey::from_pkcs8_der(&pkcs8).map_err(VaultError::Key)).await
    }

    /// The key in the clear, PKCS#8: for what is given to a gateway.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn open_pkcs8(&self, id: Uuid) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let row = sealed_key::Entity::find_by_id(id)
            .one(&self.database)
            .await?;
        let row = row.ok_or(VaultError::NoSuchKey(id))?;
        let opened = self.keyring.unseal(&label(id), &row.sealed).await;
        opened.map_err(|source| VaultError::Open { id, source })
    }

    /// Builds a certificate request from these fields and signs it, DER.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn sign_request(
        &self,
        key: Arc<PrivateKey>,
        subject: Subject,
        names: SubjectAltNames,
    ) -> Result<Vec<u8>, VaultError> {
        off_thread(move || csr::build(&key, &subject, &names).map_err(VaultError::Build)).await
    }

    /// Builds a certificate from these fields, signed with its own key, DER.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn sign_self_signed(
        &self,
        key: Arc<PrivateKey>,
        subject: Subject,
        names: SubjectAltNames,
        not_before: OffsetDateTime,
        not_after: OffsetDateTime,
    ) -> Result<Vec<u8>, VaultError> {
        off_thread(move || {
            self_signed::build(&key, &subject, &names, not_before, not_after)
                .map_err(VaultError::Build)
        })
        .await
    }

    /// Notes that the log has the key's event.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn mark_recorded(&self, id: Uuid) -> Result<(), VaultError> {
        let row = sealed_key::ActiveModel {
            id: Set(id),
            recorded: Set(true),
            ..Default::default()
        };
        row.update(&self.database).await?;
        Ok(())
    }

    /// The keys of which it is not known that the log has their event, untouched since then.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn unrecorded(
        &self,
        untouched_since: OffsetDateTime,
    ) -> Result<Vec<Uuid>, VaultError> {
        let rows = sealed_key::Entity::find()
            .filter(sealed_key::Column::Recorded.eq(false))
            .filter(sealed_key::Column::TouchedAt.lt(untouched_since.unix_timestamp()))
            .all(&self.database)
            .await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// Shreds a key without an event; not one that was touched since then, for somebody is about
    /// to append its event.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn shred_orphan(
        &self,
        id: Uuid,
        untouched_since: OffsetDateTime,
    ) -> Result<(), VaultError> {
        sealed_key::Entity::delete_many()
            .filter(sealed_key::Column::Id.eq(id))
            .filter(sealed_key::Column::Recorded.eq(false))
            .filter(sealed_key::Column::TouchedAt.lt(untouched_since.unix_timestamp()))
            .exec(&self.database)
            .await?;
        Ok(())
    }

    /// Has the write-ahead log forget the keys that were shredded: their rows are overwritten, and it may
    /// still have them as they were.
    ///
    /// # Errors
    /// [`VaultError::Database`].
    pub async fn forget_pages(&self) -> Result<(), VaultError> {
        // Best done, and done at the next checkpoint at the latest: a reader may hold the old pages.
        if self.database.get_database_backend() == DbBackend::Sqlite {
            let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
            self.database.execute_unprepared(checkpoint).await?;
        }
        Ok(())
    }

    /// Keeps the sweep away from a key for a while; `false` where the sweep was faster.
    async fn touch(&self, id: Uuid, now: OffsetDateTime) -> Result<bool, VaultError> {
        let touched = sealed_key::Entity::update_many()
            .col_expr(
                sealed_key::Column::TouchedAt,
                Expr::value(now.unix_timestamp()),
            )
            .filter(sealed_key::Column::Id.eq(id))
            .exec(&self.database)
            .await?;
        Ok(touched.rows_affected == 1)
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    spawn_blocking(work).await.map_err(VaultError::Broken)?
}

/// Deletes a key's row, which the database overwrites (`secure_delete`).
///
/// # Errors
/// What the database says.
pub async fn shred(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    sealed_key::Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

fn stored(row: sealed_key::Model) -> Result<StoredKey, VaultError> {
    let algorithm = row.algorithm.parse();
    Ok(StoredKey {
        id: row.id,
        algorithm: algorithm.map_err(|_| VaultError::Key(pki::KeyError::Unsupported))?,
        spki_der: row.spki_der,
        spki_sha256: row.spki_sha256,
        recorded: row.recorded,
    })
}

/// What a key is, as part of its seal.
pub fn label(id: Uuid) -> Label {
    Label::new("private-key", &[&id.to_string()])
}
