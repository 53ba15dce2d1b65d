//! Claims have their event now, or have had it: see [`crate::claims`].

use api::{keystore::v1, x509};
use eventlog::{ApplyError, Recorded};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::Expr,
};
use uuid::Uuid;

use super::{Followed, Imported, Missing};
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

/// The same for certificates that came one right after another.
pub(super) async fn imported(
    tx: &DatabaseTransaction,
    run: &[Imported<'_>],
) -> Result<(), ApplyError> {
    let claimed = run.iter().flat_map(|one| {
        let fingerprint = one.leaf.sha256_fingerprint.as_str();
        let name = one.event.friendly_name.as_str();
        [
            (Kind::Fingerprint, fingerprint, one.id),
            (Kind::Name, name, one.id),
        ]
    });
    claims::record_all(tx, &claimed.collect::<Vec<_>>()).await?;
    let uses = run
        .iter()
        .map(|one| (one.leaf.spki_sha256.as_str(), one.id, one.recorded.time));
    let uses = uses.collect::<Vec<_>>();
    claims::record_certificates_uses(tx, &uses).await?;
    let keys = uses.iter().map(|(spki, ..)| *spki).collect::<Vec<_>>();
    claims::end_orders(tx, &keys).await?;
    for one in run {
        if let Ok(request) = one.event.request_id.parse::<Uuid>() {
            // The certificate uses the key from now on. The reservation stays, without a name, until
            // csr-service knows of the answer: it is not released meanwhile.
            claims::forget_use(tx, request).await?;
        }
    }
    Ok(())
}

async fn certificate(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    id: Uuid,
    event: &CertificateEvent,
) -> Result<(), ApplyError> {
    match event {
        CertificateEvent::SelfSigned(signed) => {
            // No order was made for it: one that uses the same key goes on.
            let (leaf, name) = (&signed.certificate, &signed.friendly_name);
            first(tx, recorded, id, leaf, name).await?;
        }
        CertificateEvent::Issued(issued) => {
            let (leaf, name) = (&issued.certificate, &issued.friendly_name);
            let leaf = first(tx, recorded, id, leaf, name).await?;
            claims::end_orders(tx, &[&leaf.spki_sha256]).await?;
        }
        CertificateEvent::Renewed(renewed) => {
            let leaf = present(recorded, &renewed.certificate)?;
            let (fingerprint, spki) = (&leaf.sha256_fingerprint, &leaf.spki_sha256);
            claims::record(tx, Kind::Fingerprint, fingerprint, id).await?;
            claims::record_use(tx, spki, id, User::Certificate, recorded.time).await?;
            claims::end_orders(tx, &[spki]).await?;
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
        // In one go with those around it: see `imported`.
        CertificateEvent::Imported(_)
        | CertificateEvent::ChainCompleted(_)
        | CertificateEvent::Exported(_)
        | CertificateEvent::Released(_)
        | CertificateEvent::Revoked(_) => {}
    }
    Ok(())
}

/// The certificate that came with its first event.
async fn first<'a>(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    id: Uuid,
    leaf: &'a Option<x509::v1::Certificate>,
    friendly_name: &str,
) -> Result<&'a x509::v1::Certificate, ApplyError> {
    let leaf = present(recorded, leaf)?;
    let claimed = (&*leaf.sha256_fingerprint, friendly_name, &*leaf.spki_sha256);
    claims::record_first(tx, id, claimed, recorded.time).await?;
    Ok(leaf)
}

fn present<'a>(
    recorded: &Recorded,
    leaf: &'a Option<x509::v1::Certificate>,
) -> Result<&'a x509::v1::Certificate, ApplyError> {
    let missing = || ApplyError::event(recorded, Missing("certificate"));
    leaf.as_ref().ok_or_else(missing)
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
