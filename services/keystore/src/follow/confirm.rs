//! Claims have their event now, or have had it: see [`crate::claims`].

use api::keystore::v1;
use eventlog::{ApplyError, Recorded};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::Expr,
};
use uuid::Uuid;

use super::{Followed, Missing};
use crate::{
    claims::{self, Kind, User},
    events::{CertificateEvent, KeyEvent, TlsEvent},
    request::RequestEvent,
    tables::{claim, reservation, sealed_key},
    vault,
};

/// Records what the event was claimed for, and takes back what it ends.
pub(super) async fn apply(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    event: &Followed,
) -> Result<(), ApplyError> {
    match event {
        Followed::Certificate(id, event) => certificate(tx, recorded, *id, event).await,
        Followed::Key(id, event) => key(tx, *id, event).await,
        Followed::Tls(event) => default(tx, recorded, event).await,
        Followed::Request(id, event) => request(tx, recorded, *id, event).await,
    }
}

async fn certificate(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    id: Uuid,
    event: &CertificateEvent,
) -> Result<(), ApplyError> {
    let leaf = match event {
        CertificateEvent::Issued(v1::CertificateIssued { certificate, .. })
        | CertificateEvent::SelfSigned(v1::CertificateSelfSigned { certificate, .. })
        | CertificateEvent::Imported(v1::CertificateImported { certificate, .. })
        | CertificateEvent::Renewed(v1::CertificateRenewed { certificate, .. }) => {
            let missing = || ApplyError::event(recorded, Missing("certificate"));
            Some(certificate.as_ref().ok_or_else(missing)?)
        }
        _ => None,
    };
    if let Some(leaf) = leaf {
        let fingerprint = &leaf.sha256_fingerprint;
        claims::record(tx, Kind::Fingerprint, fingerprint, id).await?;
        claims::record_use(tx, &leaf.spki_sha256, id, User::Certificate, recorded.time).await?;
        claims::end_order(tx, &leaf.spki_sha256).await?;
    }
    match event {
        CertificateEvent::Issued(v1::CertificateIssued { friendly_name, .. })
        | CertificateEvent::SelfSigned(v1::CertificateSelfSigned { friendly_name, .. }) => {
            claims::record(tx, Kind::Name, friendly_name, id).await?;
        }
        CertificateEvent::Imported(imported) => {
            claims::record(tx, Kind::Name, &imported.friendly_name, id).await?;
            if let Ok(request) = imported.request_id.parse::<Uuid>() {
                // The certificate uses the key from now on. The reservation stays, without a name, until
                // csr-service knows of the answer: it is not released meanwhile.
                claims::forget_use(tx, request).await?;
            }
        }
        CertificateEvent::Renamed(v1::CertificateRenamed { friendly_name }) => {
            claims::record(tx, Kind::Name, friendly_name, id).await?;
            claims::take_back(tx, Kind::Name, Some(id), friendly_name).await?;
        }
        CertificateEvent::Deleted(_) => {
            claims::record(tx, Kind::Deletion, &id.to_string(), id).await?;
            claims::take_back(tx, Kind::Name, Some(id), "").await?;
            claims::forget_use(tx, id).await?;
        }
        CertificateEvent::Restored(v1::CertificateRestored { friendly_name }) => {
            claims::record(tx, Kind::Name, friendly_name, id).await?;
            claims::take_back(tx, Kind::Deletion, Some(id), "").await?;
            claims::record_uses(tx, id).await?;
        }
        CertificateEvent::Renewed(_)
        | CertificateEvent::ChainCompleted(_)
        | CertificateEvent::Exported(_)
        | CertificateEvent::Revoked(_) => {}
    }
    Ok(())
}

async fn key(tx: &DatabaseTransaction, id: Uuid, event: &KeyEvent) -> Result<(), ApplyError> {
    match event {
        KeyEvent::Generated(_) | KeyEvent::Imported(_) => {
            sealed_key::Entity::update_many()
                .col_expr(sealed_key::Column::Recorded, Expr::value(true))
                .filter(sealed_key::Column::Id.eq(id))
                .exec(tx)
                .await?;
        }
        KeyEvent::Exported(_) => {}
        KeyEvent::Destroyed(_) => {
            // One that has come back since is not recorded yet.
            let row = sealed_key::Entity::find_by_id(id).one(tx).await?;
            if row.is_some_and(|row| row.recorded) {
                vault::shred(tx, id).await?;
            }
            claim::Entity::delete_many()
                .filter(claim::Column::Kind.eq(Kind::Destruction))
                .filter(claim::Column::Holder.eq(id))
                .exec(tx)
                .await?;
        }
    }
    Ok(())
}

async fn default(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    event: &TlsEvent,
) -> Result<(), ApplyError> {
    match event {
        TlsEvent::ServingGranted(_) => {}
        TlsEvent::DefaultSelected(v1::DefaultSelected { certificate_id }) => {
            let id = certificate_id
                .parse::<Uuid>()
                .map_err(|error| ApplyError::event(recorded, error))?;
            claims::record(tx, Kind::Default, certificate_id, id).await?;
            claims::take_back(tx, Kind::Default, None, certificate_id).await?;
        }
        TlsEvent::DefaultCleared(_) => claims::take_back(tx, Kind::Default, None, "").await?,
    }
    Ok(())
}

async fn request(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    id: Uuid,
    event: &RequestEvent,
) -> Result<(), ApplyError> {
    match event {
        RequestEvent::Created(created) => {
            if reservation::Entity::find_by_id(id).one(tx).await?.is_none() {
                return Ok(());
            }
            let row = reservation::ActiveModel {
                request_id: Set(id),
                recorded: Set(true),
                ..Default::default()
            };
            row.update(tx).await?;
            claims::record(tx, Kind::Name, &created.friendly_name, id).await?;
            let spki = &created.spki_sha256;
            claims::record_use(tx, spki, id, User::Request, recorded.time).await?;
        }
        RequestEvent::Fulfilled(_) => {
            reservation::Entity::delete_by_id(id).exec(tx).await?;
        }
        RequestEvent::Deleted(_) => {
            claims::release_request(tx, id).await?;
        }
    }
    Ok(())
}
