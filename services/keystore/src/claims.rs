//! What must hold across aggregates and cannot be decided on one of them.
//!
//! - A name belongs to one certificate or pending request, and a fingerprint to one certificate.
//! - The default is not deleted, and what is deleted does not become the default.
//! - A key that something uses is not destroyed, and nothing begins to use a key that is.
//!
//! A claim is made before the event, in one transaction with the look at the claims that stand against it,
//! and is recorded by the [follower](crate::follow) once the event is there; what has no event is
//! swept. So of two commands that exclude each other one is refused, whatever happens between.

mod first;
mod keys;
mod names;
mod requests;
mod several;

use pki::FriendlyName;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::{
    first::record_first,
    keys::{
        KeyClaim, begin_destruction, forget_use, key_users, record_use, record_uses, use_key,
        use_key_again, use_new_key,
    },
    names::{Names, claim_free_name},
    requests::{Reservation, Reserved, answered, release_request, reserve_request, waiting_for},
    several::{
        being_destroyed, claim_all, end_orders, find_all, names_of, record_all,
        record_certificates_uses, use_keys,
    },
};
use crate::tables::claim::{ActiveModel, Column, Entity, Model};
pub use crate::tables::{claim::Kind, key_use::User};

/// Claims a value, and says whose it is now: this holder's, or the one's that was first.
///
/// # Errors
/// What the database says.
pub async fn claim(
    db: &impl ConnectionTrait,
    kind: Kind,
    value: &str,
    holder: Uuid,
    now: OffsetDateTime,
) -> Result<Uuid, DbErr> {
    let row = ActiveModel {
        kind: Set(kind),
        value: Set(value.to_owned()),
        holder: Set(holder),
        touched_at: Set(now.unix_timestamp()),
        recorded: Set(false),
        previous_holder: Set(None),
    };
    let first_wins = OnConflict::columns([Column::Kind, Column::Value])
        .do_nothing()
        .to_owned();
    let inserted = Entity::insert(row)
        .on_conflict(first_wins)
        .exec_without_returning(db)
        .await?;
    if inserted == 1 {
        return Ok(holder);
    }
    // Keeps the sweep away from it.
    let touched = Entity::update_many()
        .col_expr(Column::TouchedAt, Expr::value(now.unix_timestamp()))
        .filter(this(kind, value))
        .filter(Column::Holder.eq(holder))
        .exec(db)
        .await?;
    if touched.rows_affected == 1 {
        return Ok(holder);
    }
    // In one transaction with the insertion, so the other's row is there.
    Ok(holder_of(db, kind, value).await?.unwrap_or(holder))
}

/// The same for an event that is still to come, of a holder that may have an older one: the follower
/// does not take the claim back when it sees the older one end.
///
/// # Errors
/// What the database says.
pub async fn claim_again(
    db: &impl ConnectionTrait,
    kind: Kind,
    value: &str,
    holder: Uuid,
    now: OffsetDateTime,
) -> Result<Uuid, DbErr> {
    let holds = claim(db, kind, value, holder, now).await?;
    if holds == holder {
        Entity::update_many()
            .col_expr(Column::Recorded, Expr::value(false))
            .filter(this(kind, value))
            .exec(db)
            .await?;
    }
    Ok(holds)
}

/// Gives the name of a pending request to the certificate that answers it; `None` where the request
/// does not have one any more.
///
/// # Errors
/// What the database says.
pub async fn hand_over_name(
    db: &impl ConnectionTrait,
    request: Uuid,
    certificate: Uuid,
    now: OffsetDateTime,
) -> Result<Option<FriendlyName>, DbErr> {
    let Some(name) = name_of(db, request).await? else {
        return Ok(None);
    };
    Entity::update_many()
        .col_expr(Column::Holder, Expr::value(certificate))
        .col_expr(Column::PreviousHolder, Expr::value(request))
        .col_expr(Column::TouchedAt, Expr::value(now.unix_timestamp()))
        .col_expr(Column::Recorded, Expr::value(false))
        .filter(this(Kind::Name, &name))
        .exec(db)
        .await?;
    Ok(Some(name))
}

/// Whose a value is.
///
/// # Errors
/// What the database says.
pub async fn holder_of(
    db: &impl ConnectionTrait,
    kind: Kind,
    value: &str,
) -> Result<Option<Uuid>, DbErr> {
    let claim = find(db, kind, value).await?;
    Ok(claim.map(|claim| claim.holder))
}

/// The claim on a value.
///
/// # Errors
/// What the database says.
pub async fn find(
    db: &impl ConnectionTrait,
    kind: Kind,
    value: &str,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id((kind, value.to_owned())).one(db).await
}

/// A claim of this kind that a certificate, request or key has, if it has one.
///
/// # Errors
/// What the database says.
pub async fn held_by(
    db: &impl ConnectionTrait,
    kind: Kind,
    holder: Uuid,
) -> Result<Option<Model>, DbErr> {
    let held = Entity::find().filter(Column::Kind.eq(kind));
    held.filter(Column::Holder.eq(holder)).one(db).await
}

/// What stands against a change of the default, or a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// Nothing: the claim is made.
    Nothing,
    /// A claim whose event the log has.
    Recorded,
    /// A claim whose event may be about to come.
    Unrecorded,
}

/// Claims that this certificate is deleted, unless it is the default or about to be.
///
/// # Errors
/// What the database says.
pub async fn begin_deletion(
    db: &impl ConnectionTrait,
    certificate: Uuid,
    now: OffsetDateTime,
) -> Result<Against, DbErr> {
    exclusive(db, Kind::Deletion, Kind::Default, certificate, now).await
}

/// Claims that this certificate is the default, unless it is deleted or about to be.
///
/// # Errors
/// What the database says.
pub async fn begin_default(
    db: &impl ConnectionTrait,
    certificate: Uuid,
    now: OffsetDateTime,
) -> Result<Against, DbErr> {
    exclusive(db, Kind::Default, Kind::Deletion, certificate, now).await
}

async fn exclusive(
    db: &impl ConnectionTrait,
    kind: Kind,
    against: Kind,
    certificate: Uuid,
    now: OffsetDateTime,
) -> Result<Against, DbErr> {
    // Every certificate has its fingerprint's row: whoever has written it first goes first.
    Entity::update_many()
        .col_expr(Column::TouchedAt, Expr::value(now.unix_timestamp()))
        .filter(Column::Kind.eq(Kind::Fingerprint))
        .filter(Column::Holder.eq(certificate))
        .exec(db)
        .await?;
    let value = certificate.to_string();
    let other = Entity::find_by_id((against, value.clone())).one(db).await?;
    match other {
        Some(Model { recorded: true, .. }) => return Ok(Against::Recorded),
        Some(_) => return Ok(Against::Unrecorded),
        None => {}
    }
    claim_again(db, kind, &value, certificate, now).await?;
    Ok(Against::Nothing)
}

/// Gives up a claim whose event did not come.
///
/// # Errors
/// What the database says.
pub async fn give_up(db: &impl ConnectionTrait, kind: Kind, value: &str) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(this(kind, value))
        .filter(Column::Recorded.eq(false))
        .exec(db)
        .await?;
    Ok(())
}

/// Notes that the log has the event that this was claimed for.
///
/// # Errors
/// What the database says.
pub async fn record(
    db: &impl ConnectionTrait,
    kind: Kind,
    value: &str,
    holder: Uuid,
) -> Result<(), DbErr> {
    record_all(db, &[(kind, value, holder)]).await
}

/// Takes back what was recorded of this kind for a holder (all holders, where there is none), but for one value.
///
/// # Errors
/// What the database says.
pub async fn take_back(
    db: &impl ConnectionTrait,
    kind: Kind,
    holder: Option<Uuid>,
    but: &str,
) -> Result<(), DbErr> {
    let mut condition = Condition::all()
        .add(Column::Kind.eq(kind))
        .add(Column::Recorded.eq(true))
        .add(Column::Value.ne(but));
    if let Some(holder) = holder {
        condition = condition.add(Column::Holder.eq(holder));
    }
    Entity::delete_many().filter(condition).exec(db).await?;
    Ok(())
}

/// The claims of which it is not known that the log has their event, untouched since then.
///
/// # Errors
/// What the database says.
pub async fn unrecorded(
    db: &impl ConnectionTrait,
    untouched_since: OffsetDateTime,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Recorded.eq(false))
        .filter(Column::TouchedAt.lt(untouched_since.unix_timestamp()))
        .all(db)
        .await
}

/// Gives a claim up, unless somebody touched it since then; a name goes back to the request that it is from.
///
/// # Errors
/// What the database says.
pub async fn release_orphan(
    db: &impl ConnectionTrait,
    claim: &Model,
    untouched_since: OffsetDateTime,
) -> Result<(), DbErr> {
    let orphan = this(claim.kind, &claim.value)
        .add(Column::Recorded.eq(false))
        .add(Column::TouchedAt.lt(untouched_since.unix_timestamp()));
    match claim.previous_holder {
        Some(request) => {
            Entity::update_many()
                .col_expr(Column::Holder, Expr::value(request))
                .col_expr(Column::PreviousHolder, Expr::value(None::<Uuid>))
                .filter(orphan)
                .exec(db)
                .await?;
        }
        None => {
            Entity::delete_many().filter(orphan).exec(db).await?;
        }
    }
    Ok(())
}

/// The name that a certificate or request holds.
///
/// # Errors
/// What the database says.
pub async fn name_of(
    db: &impl ConnectionTrait,
    holder: Uuid,
) -> Result<Option<FriendlyName>, DbErr> {
    let held = name_and_origin(db, holder).await?;
    Ok(held.map(|(name, _)| name))
}

/// The same, and the pending request that it has the name from, until its event is there.
///
/// # Errors
/// What the database says.
pub async fn name_and_origin(
    db: &impl ConnectionTrait,
    holder: Uuid,
) -> Result<Option<(FriendlyName, Option<Uuid>)>, DbErr> {
    let row = held_by(db, Kind::Name, holder).await?;
    Ok(row.and_then(|row| {
        let name = FriendlyName::try_from(row.value.as_str()).ok()?;
        Some((name, row.previous_holder))
    }))
}

fn this(kind: Kind, value: &str) -> Condition {
    Condition::all()
        .add(Column::Kind.eq(kind))
        .add(Column::Value.eq(value))
}
