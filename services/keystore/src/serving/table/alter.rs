//! Credentials that change while they are served.

use api::keystore::v1::{CertificateChainCompleted, ServingCredential};
use eventlog::Recorded;
use prost::Message;
use sea_orm::{ActiveModelTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use super::{FROM_ELSEWHERE, served_chain};
use crate::tables::served::{Entity, Model};

/// A longer chain for the version that is served.
pub(super) async fn complete(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    id: Uuid,
    completed: CertificateChainCompleted,
) -> Result<(), DbErr> {
    alter(tx, recorded, id, |credential| {
        if credential.version == completed.version && !credential.chain_der.is_empty() {
            let leaf = credential.chain_der.swap_remove(0);
            credential.chain_der = served_chain(leaf, completed.issuers);
        }
    })
    .await
}

/// Nothing renews it any more: what comes from elsewhere for the same names goes before it from now on.
pub(super) async fn release(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    id: Uuid,
) -> Result<(), DbErr> {
    alter(tx, recorded, id, |credential| {
        credential.rank = FROM_ELSEWHERE
    })
    .await
}

/// Sends a certificate to gateways again, altered, where it is one that they serve.
async fn alter(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    id: Uuid,
    alter: impl FnOnce(&mut ServingCredential),
) -> Result<(), DbErr> {
    let Some(row) = Entity::find_by_id(id).one(tx).await? else {
        return Ok(());
    };
    let Ok(mut credential) = ServingCredential::decode(row.credential.as_slice()) else {
        // Told loudly when it is served.
        return Ok(());
    };
    let before = credential.clone();
    alter(&mut credential);
    if credential == before {
        return Ok(());
    }
    let row = Model {
        credential: credential.encode_to_vec(),
        position: recorded.sequence.cast_signed(),
        ..row
    };
    row.into_active_model().reset_all().update(tx).await?;
    Ok(())
}
