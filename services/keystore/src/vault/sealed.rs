//! A key between its making and the commit that keeps it.

use std::{collections::HashMap, sync::Arc};

use pki::PrivateKey;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, sea_query::OnConflict,
};

use uuid::Uuid;

use crate::{
    key::PublicHalf,
    tables::{ROWS_AT_ONCE, sealed_key},
};

/// A key that is sealed, and not yet in the vault.
#[derive(Debug)]
pub struct SealedKey {
    /// The key, for what is to be signed with it at once.
    pub key: Arc<PrivateKey>,
    pub(super) row: sealed_key::Model,
}

impl SealedKey {
    /// What may be known of it.
    pub fn half(&self) -> PublicHalf {
        PublicHalf {
            algorithm: self.key.algorithm(),
            spki_der: self.row.spki_der.clone(),
        }
    }

    /// SHA-256 of its public key, hex.
    pub fn spki_sha256(&self) -> &str {
        &self.row.spki_sha256
    }

    /// Puts it into the vault, unless there is one of this id; says whether it did.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put(&self, db: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let row = self.row.clone().into_active_model().reset_all();
        let first_wins = OnConflict::column(sealed_key::Column::Id)
            .do_nothing()
            .to_owned();
        let inserted = sealed_key::Entity::insert(row)
            .on_conflict(first_wins)
            .exec_without_returning(db)
            .await?;
        Ok(inserted == 1)
    }
}

/// Whether a key is in the vault.
///
/// # Errors
/// What the database says.
pub async fn is_here(db: &impl ConnectionTrait, id: Uuid) -> Result<bool, DbErr> {
    let row = sealed_key::Entity::find_by_id(id).one(db).await?;
    Ok(row.is_some())
}

/// Puts keys into the vault, those that are not there; the others are kept from the sweep.
///
/// # Errors
/// What the database says.
pub async fn put_all(db: &impl ConnectionTrait, keys: &[&SealedKey]) -> Result<(), DbErr> {
    let first_wins = OnConflict::column(sealed_key::Column::Id)
        .update_column(sealed_key::Column::TouchedAt)
        .to_owned();
    for keys in keys.chunks(ROWS_AT_ONCE) {
        let rows = keys
            .iter()
            .map(|key| key.row.clone().into_active_model().reset_all());
        sealed_key::Entity::insert_many(rows)
            .on_conflict(first_wins.clone())
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// The keys with these public keys (SHA-256, hex), as far as they are here, by those.
///
/// # Errors
/// What the database says.
pub async fn with_spkis(
    db: &impl ConnectionTrait,
    spki_sha256: &[&str],
) -> Result<HashMap<String, Uuid>, DbErr> {
    let mut found = HashMap::new();
    for keys in spki_sha256.chunks(ROWS_AT_ONCE) {
        let rows = sealed_key::Entity::find()
            .filter(sealed_key::Column::SpkiSha256.is_in(keys.iter().copied()))
            .all(db)
            .await?;
        found.extend(rows.into_iter().map(|row| (row.spki_sha256, row.id)));
    }
    Ok(found)
}
