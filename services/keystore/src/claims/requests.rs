//! Which requests wait for a certificate: a request holds its name until a certificate takes it over,
//! or it is released. So it is answered or deleted, and never both.

use api::x509;
use pki::{Certificate, SubjectAltNames};
use prost::Message;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{KeyClaim, Kind, User, claim, holder_of, name_of, use_key};
pub use crate::tables::reservation::Model as Reservation;
use crate::tables::{
    ROWS_AT_ONCE, claim as claims, key_use,
    reservation::{ActiveModel, Column, Entity},
};

/// What stands against a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// Nothing: it is made.
    Made,
    /// Another has the name.
    NameTaken,
    /// The key is being destroyed.
    KeyBeingDestroyed,
}

/// Claims a name and a key for a request that is about to be appended.
///
/// # Errors
/// What the database says.
pub async fn reserve_request(
    db: &impl ConnectionTrait,
    name: &str,
    reservation: Reservation,
    now: OffsetDateTime,
) -> Result<Reserved, DbErr> {
    let (request, spki) = (reservation.request_id, reservation.spki_sha256.clone());
    // Looked at first: what is refused leaves nothing behind.
    let holder = holder_of(db, Kind::Name, name).await?;
    if holder.is_some_and(|holder| holder != request) {
        return Ok(Reserved::NameTaken);
    }
    if use_key(db, &spki, request, User::Request, now).await? != KeyClaim::Made {
        return Ok(Reserved::KeyBeingDestroyed);
    }
    claim(db, Kind::Name, name, request, now).await?;
    let again = OnConflict::column(Column::RequestId)
        .update_column(Column::TouchedAt)
        .to_owned();
    Entity::insert(ActiveModel {
        request_id: Set(reservation.request_id),
        key_id: Set(reservation.key_id),
        spki_sha256: Set(reservation.spki_sha256),
        names: Set(reservation.names),
        reserved_at: Set(reservation.reserved_at),
        touched_at: Set(reservation.touched_at),
        recorded: Set(reservation.recorded),
    })
    .on_conflict(again)
    .exec_without_returning(db)
    .await?;
    Ok(Reserved::Made)
}

/// Gives up the name and the key of a request; false where a certificate has taken the name over.
///
/// # Errors
/// What the database says.
pub async fn release_request(db: &impl ConnectionTrait, request: Uuid) -> Result<bool, DbErr> {
    let waits = Entity::find_by_id(request).one(db).await?.is_some();
    if waits && name_of(db, request).await?.is_none() {
        return Ok(false);
    }
    claims::Entity::delete_many()
        .filter(claims::Column::Kind.eq(Kind::Name))
        .filter(claims::Column::Holder.eq(request))
        .exec(db)
        .await?;
    key_use::Entity::delete_many()
        .filter(key_use::Column::Holder.eq(request))
        .exec(db)
        .await?;
    Entity::delete_by_id(request).exec(db).await?;
    Ok(true)
}

/// The requests that wait for a certificate of one of these keys, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn waiting_for(
    db: &impl ConnectionTrait,
    spki_sha256: &[&str],
) -> Result<Vec<Reservation>, DbErr> {
    let mut waiting = Vec::new();
    for keys in spki_sha256.chunks(ROWS_AT_ONCE) {
        let reserved = Entity::find().filter(Column::SpkiSha256.is_in(keys.iter().copied()));
        waiting.extend(reserved.all(db).await?);
    }
    waiting.sort_by_key(|reservation| (reservation.reserved_at, reservation.request_id));
    Ok(waiting)
}

/// Which of these requests, the oldest first, the certificate answers: its key, and every name that was asked for.
pub fn answered<'a>(
    waiting: &'a [Reservation],
    certificate: &'a Certificate,
) -> impl Iterator<Item = &'a Reservation> {
    waiting.iter().filter(|reservation| {
        reservation.spki_sha256 == certificate.spki_sha256
            && asked_for(reservation).is_some_and(|names| names.covered_by(certificate))
    })
}

fn asked_for(reservation: &Reservation) -> Option<SubjectAltNames> {
    let names = x509::v1::SubjectAltNames::decode(reservation.names.as_slice()).ok()?;
    SubjectAltNames::try_from(&names).ok()
}
