//! A key between its making and the commit that keeps it.

use std::sync::Arc;

use pki::PrivateKey;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, sea_query::OnConflict,
};

use uuid::Uuid;

use crate::{key::PublicHalf, tables::sealed_key};

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

/// The key with this public key (SHA-256, hex), where it is here.
///
/// # Errors
/// What the database says.
pub async fn with_spki(
    db: &impl ConnectionTrait,
    spki_sha256: &str,
) -> Result<Option<Uuid>, DbErr> {
    let row = sealed_key::Entity::find()
        .filter(sealed_key::Column::SpkiSha256.eq(spki_sha256))
        .one(db)
        .await?;
    Ok(row.map(|row| row.id))
}
