//! Many keys at once, for the gateways.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Vault, VaultError, label};
use crate::tables::sealed_key;

impl Vault {
    /// These keys in the clear, PKCS#8, as far as they are here: one that does not open keeps no other away.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open_each(
        &self,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Result<Zeroizing<Vec<u8>>, VaultError>>, DbErr> {
        let mut keys = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            let which = sealed_key::Column::Id.is_in(ids.iter().copied());
            let rows = sealed_key::Entity::find().filter(which);
            for sealed_key::Model { id, sealed, .. } in rows.all(&self.database).await? {
                let key = self.keyring.unseal(&label(id), &sealed).await;
                keys.insert(id, key.map_err(|source| VaultError::Open { id, source }));
            }
        }
        Ok(keys)
    }
}

/// Ids in one question.
const AT_ONCE: usize = 500;
