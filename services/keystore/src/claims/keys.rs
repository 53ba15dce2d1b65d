//! Who uses which key, and which is about to be destroyed.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Kind, User, claim_again, holder_of};
use crate::tables::{
    ROWS_AT_ONCE,
    key_use::{ActiveModel, Column, Entity, Model},
    sealed_key,
};

/// Whether a key may be used, or destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyClaim {
    /// It is claimed.
    Made,
    /// It is being destroyed.
    BeingDestroyed,
    /// These use it.
    Used(Vec<Model>),
}

/// Claims that this holder uses the key, unless that is about to be destroyed.
///
/// # Errors
/// What the database says.
pub async fn use_key(
    db: &impl ConnectionTrait,
    spki_sha256: &str,
    holder: Uuid,
    user: User,
    now: OffsetDateTime,
) -> Result<KeyClaim, DbErr> {
    touch(db, spki_sha256, now).await?;
    if holder_of(db, Kind::Destruction, spki_sha256)
        .await?
        .is_some()
    {
        return Ok(KeyClaim::BeingDestroyed);
    }
    put(db, spki_sha256, holder, user, now, false).await?;
    Ok(KeyClaim::Made)
}

/// The same for a key that came into the vault in this very transaction: nobody can be destroying it.
///
/// # Errors
/// What the database says.
pub async fn use_new_key(
    db: &impl ConnectionTrait,
    spki_sha256: &str,
    holder: Uuid,
    user: User,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    put(db, spki_sha256, holder, user, now, false).await
}

/// The same for an event that is still to come, of a holder that may use the key already: the follower
/// does not take the claim back when it sees that older use end.
///
/// # Errors
/// What the database says.
pub async fn use_key_again(
    db: &impl ConnectionTrait,
    spki_sha256: &str,
    holder: Uuid,
    user: User,
    now: OffsetDateTime,
) -> Result<KeyClaim, DbErr> {
    let claimed = use_key(db, spki_sha256, holder, user, now).await?;
    if claimed == KeyClaim::Made {
        Entity::update_many()
            .col_expr(Column::Recorded, Expr::value(false))
            .filter(Column::SpkiSha256.eq(spki_sha256))
            .filter(Column::Holder.eq(holder))
            .exec(db)
            .await?;
    }
    Ok(claimed)
}

/// Claims that the key is about to be destroyed, unless something uses it.
///
/// # Errors
/// What the database says.
pub async fn begin_destruction(
    db: &impl ConnectionTrait,
    spki_sha256: &str,
    key: Uuid,
    now: OffsetDateTime,
) -> Result<KeyClaim, DbErr> {
    touch(db, spki_sha256, now).await?;
    let users = key_users(db, &[spki_sha256]).await?;
    if !users.is_empty() {
        return Ok(KeyClaim::Used(users));
    }
    claim_again(db, Kind::Destruction, spki_sha256, key, now).await?;
    Ok(KeyClaim::Made)
}

/// Whatever uses these keys.
///
/// # Errors
/// What the database says.
pub async fn key_users(
    db: &impl ConnectionTrait,
    spki_sha256: &[&str],
) -> Result<Vec<Model>, DbErr> {
    let mut users = Vec::new();
    for keys in spki_sha256.chunks(ROWS_AT_ONCE) {
        let used = Entity::find().filter(Column::SpkiSha256.is_in(keys.iter().copied()));
        users.extend(used.all(db).await?);
    }
    Ok(users)
}

/// Notes that the log has this holder using the key, and no other key any more.
///
/// # Errors
/// What the database says.
pub async fn record_use(
    db: &impl ConnectionTrait,
    spki_sha256: &str,
    holder: Uuid,
    user: User,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    put(db, spki_sha256, holder, user, now, true).await?;
    Entity::delete_many()
        .filter(Column::Holder.eq(holder))
        .filter(Column::SpkiSha256.ne(spki_sha256))
        .filter(Column::Recorded.eq(true))
        .exec(db)
        .await?;
    Ok(())
}

/// Notes that the log has whatever this holder claimed to use.
///
/// # Errors
/// What the database says.
pub async fn record_uses(db: &impl ConnectionTrait, holder: Uuid) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Recorded, Expr::value(true))
        .filter(Column::Holder.eq(holder))
        .exec(db)
        .await?;
    Ok(())
}

/// This holder uses no key any more; what it claimed for an event that is still to come stays.
///
/// # Errors
/// What the database says.
pub async fn forget_use(db: &impl ConnectionTrait, holder: Uuid) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::Holder.eq(holder))
        .filter(Column::Recorded.eq(true))
        .exec(db)
        .await?;
    Ok(())
}

pub(super) async fn put(
    db: &impl ConnectionTrait,
    spki_sha256: &str,
    holder: Uuid,
    user: User,
    now: OffsetDateTime,
    recorded: bool,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        spki_sha256: Set(spki_sha256.to_owned()),
        holder: Set(holder),
        user: Set(user),
        touched_at: Set(now.unix_timestamp()),
        recorded: Set(recorded),
    };
    let mut again = OnConflict::columns([Column::SpkiSha256, Column::Holder]);
    again.update_column(Column::TouchedAt);
    if recorded {
        // A repeat of what the log has takes nothing back.
        again.update_column(Column::Recorded);
    }
    Entity::insert(row)
        .on_conflict(again)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Whoever has written the key's row first goes first.
async fn touch(
    db: &impl ConnectionTrait,
    spki_sha256: &str,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    sealed_key::Entity::update_many()
        .col_expr(
            sealed_key::Column::TouchedAt,
            Expr::value(now.unix_timestamp()),
        )
        .filter(sealed_key::Column::SpkiSha256.eq(spki_sha256))
        .exec(db)
        .await?;
    Ok(())
}
