//! What must hold across certificates and cannot be decided on one: a name belongs to one of them,
//! and so does a fingerprint. A claim is made before the event, and swept if none follows.

use pki::FriendlyName;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use time::OffsetDateTime;
use uuid::Uuid;

pub use crate::tables::claim::Kind;
use crate::tables::claim::{ActiveModel, Column, Entity, Model};

/// The claims of all certificates. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Claims {
    database: DatabaseConnection,
}

impl Claims {
    /// The claims in this database.
    pub fn new(database: DatabaseConnection) -> Self {
        Self { database }
    }

    /// Claims a value for a certificate, and says whose it is now: this one's, or the one's that was first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn claim(
        &self,
        kind: Kind,
        value: &str,
        holder: Uuid,
        now: OffsetDateTime,
    ) -> Result<Uuid, DbErr> {
        loop {
            let row = ActiveModel {
                kind: Set(kind),
                value: Set(value.to_owned()),
                holder: Set(holder),
                touched_at: Set(now.unix_timestamp()),
                recorded: Set(false),
            };
            Entity::insert(row)
                .on_conflict(
                    OnConflict::columns([Column::Kind, Column::Value])
                        .do_nothing()
                        .to_owned(),
                )
                .exec_without_returning(&self.database)
                .await?;
            let touched = Entity::update_many()
                .col_expr(Column::TouchedAt, Expr::value(now.unix_timestamp()))
                .filter(Column::Kind.eq(kind))
                .filter(Column::Value.eq(value))
                .filter(Column::Holder.eq(holder))
                .exec(&self.database)
                .await?;
            if touched.rows_affected == 1 {
                return Ok(holder);
            }
            if let Some(other) = self.holder_of(kind, value).await? {
                return Ok(other);
            }
            // The sweep took it between the two: again.
        }
    }

    /// Claims this name, or the first free one with a number behind it: "shop (2)". A certificate
    /// that has claimed one before, and then crashed, keeps it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn claim_free_name(
        &self,
        wanted: &FriendlyName,
        holder: Uuid,
        now: OffsetDateTime,
    ) -> Result<FriendlyName, DbErr> {
        if let Some(earlier) = self.name_of(holder).await?
            && self.claim(Kind::Name, &earlier, holder, now).await? == holder
        {
            return Ok(earlier);
        }
        let mut name = wanted.clone();
        let mut number = 1;
        while self.claim(Kind::Name, &name, holder, now).await? != holder {
            number += 1;
            name = wanted.numbered(number);
        }
        Ok(name)
    }

    /// Whose a value is.
    ///
    /// # Errors
    /// What the database says.
    pub async fn holder_of(&self, kind: Kind, value: &str) -> Result<Option<Uuid>, DbErr> {
        let row = Entity::find_by_id((kind, value.to_owned()))
            .one(&self.database)
            .await?;
        Ok(row.map(|row| row.holder))
    }

    /// Notes that the log has the event that these values were claimed for.
    ///
    /// # Errors
    /// What the database says.
    pub async fn mark_recorded(&self, holder: Uuid, values: &[&str]) -> Result<(), DbErr> {
        Entity::update_many()
            .col_expr(Column::Recorded, Expr::value(true))
            .filter(Column::Holder.eq(holder))
            .filter(Column::Value.is_in(values.iter().copied()))
            .exec(&self.database)
            .await?;
        Ok(())
    }

    /// The claims of which it is not known that the log has their event, untouched since then.
    ///
    /// # Errors
    /// What the database says.
    pub async fn unrecorded(&self, untouched_since: OffsetDateTime) -> Result<Vec<Model>, DbErr> {
        Entity::find()
            .filter(Column::Recorded.eq(false))
            .filter(Column::TouchedAt.lt(untouched_since.unix_timestamp()))
            .all(&self.database)
            .await
    }

    /// Gives a claim up, unless somebody touched it since then.
    ///
    /// # Errors
    /// What the database says.
    pub async fn release_orphan(
        &self,
        claim: &Model,
        untouched_since: OffsetDateTime,
    ) -> Result<(), DbErr> {
        Entity::delete_many()
            .filter(Column::Kind.eq(claim.kind))
            .filter(Column::Value.eq(&claim.value))
            .filter(Column::Recorded.eq(false))
            .filter(Column::TouchedAt.lt(untouched_since.unix_timestamp()))
            .exec(&self.database)
            .await?;
        Ok(())
    }

    async fn name_of(&self, holder: Uuid) -> Result<Option<FriendlyName>, DbErr> {
        let row = Entity::find()
            .filter(Column::Kind.eq(Kind::Name))
            .filter(Column::Holder.eq(holder))
            .one(&self.database)
            .await?;
        Ok(row.and_then(|row| FriendlyName::try_from(row.value.as_str()).ok()))
    }
}
