//! Claims of many at once: some statements, however many they are. Like those of one, each is made in one transaction
//! with the look at the claims that stand against it.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Asterisk, Expr, ExprTrait, OnConflict, Query},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Kind, User};
use crate::tables::{
    ROWS_AT_ONCE,
    claim::{ActiveModel, Column, Entity, Model},
    key_use, sealed_key,
};

/// The claims on these values, by value.
///
/// # Errors
/// What the database says.
pub async fn find_all(
    db: &impl ConnectionTrait,
    kind: Kind,
    values: &[&str],
) -> Result<HashMap<String, Model>, DbErr> {
    let mut found = HashMap::with_capacity(values.len());
    for values in values.chunks(ROWS_AT_ONCE) {
        let rows = Entity::find()
            .filter(Column::Kind.eq(kind))
            .filter(Column::Value.is_in(values.iter().copied()))
            .all(db)
            .await?;
        found.extend(rows.into_iter().map(|row| (row.value.clone(), row)));
    }
    Ok(found)
}

/// The names of these certificates and requests, by holder.
///
/// # Errors
/// What the database says.
pub async fn names_of(
    db: &impl ConnectionTrait,
    holders: &[Uuid],
) -> Result<HashMap<Uuid, Model>, DbErr> {
    let mut found = HashMap::new();
    for holders in holders.chunks(ROWS_AT_ONCE) {
        let rows = Entity::find()
            .filter(Column::Kind.eq(Kind::Name))
            .filter(Column::Holder.is_in(holders.iter().copied()))
            .all(db)
            .await?;
        found.extend(rows.into_iter().map(|row| (row.holder, row)));
    }
    Ok(found)
}

/// Claims values, each for its holder: all of them are free, or the holder's own, as a look in the same transaction
/// has shown.
///
/// # Errors
/// What the database says.
pub async fn claim_all(
    db: &impl ConnectionTrait,
    kind: Kind,
    claims: &[(&str, Uuid)],
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    for claims in claims.chunks(ROWS_AT_ONCE) {
        let rows = claims.iter().map(|(value, holder)| ActiveModel {
            kind: Set(kind),
            value: Set((*value).to_owned()),
            holder: Set(*holder),
            touched_at: Set(now.unix_timestamp()),
            recorded: Set(false),
            previous_holder: Set(None),
        });
        // Keeps the sweep away from what is the holder's own.
        let again = OnConflict::columns([Column::Kind, Column::Value])
            .update_column(Column::TouchedAt)
            .to_owned();
        Entity::insert_many(rows)
            .on_conflict(again)
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// Which of these keys are being destroyed. From now on none of the others begins to be, until the transaction ends.
///
/// # Errors
/// What the database says.
pub async fn being_destroyed(
    db: &impl ConnectionTrait,
    spki_sha256: &[&str],
    now: OffsetDateTime,
) -> Result<HashSet<String>, DbErr> {
    // Whoever has written the key's row first goes first.
    for keys in spki_sha256.chunks(ROWS_AT_ONCE) {
        let touched = Expr::value(now.unix_timestamp());
        sealed_key::Entity::update_many()
            .col_expr(sealed_key::Column::TouchedAt, touched)
            .filter(sealed_key::Column::SpkiSha256.is_in(keys.iter().copied()))
            .exec(db)
            .await?;
    }
    let claims = find_all(db, Kind::Destruction, spki_sha256).await?;
    Ok(claims.into_keys().collect())
}

/// Claims that these certificates use these keys, none of which is being destroyed.
///
/// # Errors
/// What the database says.
pub async fn use_keys(
    db: &impl ConnectionTrait,
    uses: &[(&str, Uuid)],
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    let mut again = OnConflict::columns([key_use::Column::SpkiSha256, key_use::Column::Holder]);
    again.update_column(key_use::Column::TouchedAt);
    let rows = uses
        .iter()
        .map(|(spki, holder)| used_by_certificate(spki, *holder, now, false));
    put_uses(db, rows.collect(), again).await
}

/// Notes that the log has the events that these values were claimed for, each by its holder.
///
/// # Errors
/// What the database says.
pub async fn record_all(
    db: &impl ConnectionTrait,
    claims: &[(Kind, &str, Uuid)],
) -> Result<(), DbErr> {
    let this = || Expr::tuple([Column::Kind, Column::Value, Column::Holder].map(Expr::col));
    for claims in claims.chunks(ROWS_AT_ONCE) {
        let rows = claims
            .iter()
            .map(|(kind, value, holder)| (kind.to_owned(), (*value).to_owned(), *holder));
        let claimed = Query::select()
            .column(Asterisk)
            .from_values(rows, "claimed")
            .to_owned();
        Entity::update_many()
            .col_expr(Column::Recorded, Expr::value(true))
            .col_expr(Column::PreviousHolder, Expr::value(None::<Uuid>))
            .filter(this().in_subquery(claimed))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// Notes that the log has these certificates using these keys since then, and no other keys any more.
///
/// # Errors
/// What the database says.
pub async fn record_certificates_uses(
    db: &impl ConnectionTrait,
    uses: &[(&str, Uuid, OffsetDateTime)],
) -> Result<(), DbErr> {
    use key_use::Column;
    let this = || Expr::tuple([Column::SpkiSha256, Column::Holder].map(Expr::col));
    let mut again = OnConflict::columns([Column::SpkiSha256, Column::Holder]);
    again.update_columns([Column::TouchedAt, Column::Recorded]);
    let rows = uses
        .iter()
        .map(|(spki, holder, at)| used_by_certificate(spki, *holder, *at, true));
    put_uses(db, rows.collect(), again).await?;
    for uses in uses.chunks(ROWS_AT_ONCE) {
        let rows = uses
            .iter()
            .map(|(spki, holder, _)| ((*spki).to_owned(), *holder));
        let used = Query::select()
            .column(Asterisk)
            .from_values(rows, "used")
            .to_owned();
        key_use::Entity::delete_many()
            .filter(Column::Holder.is_in(uses.iter().map(|(_, holder, _)| *holder)))
            .filter(this().not_in_subquery(used))
            .filter(Column::Recorded.eq(true))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// No order uses these keys any more: their certificates are here.
///
/// # Errors
/// What the database says.
pub async fn end_orders(db: &impl ConnectionTrait, spki_sha256: &[&str]) -> Result<(), DbErr> {
    for keys in spki_sha256.chunks(ROWS_AT_ONCE) {
        key_use::Entity::delete_many()
            .filter(key_use::Column::SpkiSha256.is_in(keys.iter().copied()))
            .filter(key_use::Column::User.eq(User::Order))
            .exec(db)
            .await?;
    }
    Ok(())
}

fn used_by_certificate(
    spki_sha256: &str,
    holder: Uuid,
    at: OffsetDateTime,
    recorded: bool,
) -> key_use::ActiveModel {
    key_use::ActiveModel {
        spki_sha256: Set(spki_sha256.to_owned()),
        holder: Set(holder),
        user: Set(User::Certificate),
        touched_at: Set(at.unix_timestamp()),
        recorded: Set(recorded),
    }
}

async fn put_uses(
    db: &impl ConnectionTrait,
    rows: Vec<key_use::ActiveModel>,
    again: OnConflict,
) -> Result<(), DbErr> {
    for rows in rows.chunks(ROWS_AT_ONCE) {
        key_use::Entity::insert_many(rows.iter().cloned())
            .on_conflict(again.clone())
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}
