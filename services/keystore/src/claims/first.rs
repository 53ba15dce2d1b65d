//! What a certificate's first event settles: of all claims the ones that come most.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Kind, User, keys, this};
use crate::tables::claim::{Column, Entity};

/// Notes that the log has the first event of a certificate: its fingerprint, its name, and the key that it
/// uses. It cannot have used another before.
///
/// # Errors
/// What the database says.
pub async fn record_first(
    db: &impl ConnectionTrait,
    certificate: Uuid,
    (fingerprint, name, spki_sha256): (&str, &str, &str),
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    // One statement for both.
    let claimed = Condition::any()
        .add(this(Kind::Fingerprint, fingerprint))
        .add(this(Kind::Name, name));
    Entity::update_many()
        .col_expr(Column::Recorded, Expr::value(true))
        .col_expr(Column::PreviousHolder, Expr::value(None::<Uuid>))
        .filter(Column::Holder.eq(certificate))
        .filter(claimed)
        .exec(db)
        .await?;
    keys::put(db, spki_sha256, certificate, User::Certificate, now, true).await
}
