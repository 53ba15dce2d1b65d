//! The CAs' certificates that are known, by their subjects.

use std::collections::HashSet;

use api::x509;
use eventlog::{ApplyError, Recorded};
use pki::{Certificate, chain, fingerprint::sha256_hex};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::{ROWS_AT_ONCE, queue};
use crate::tables::{authority, claim, looked_for};

/// A CA's certificate, as far as the tables want it.
pub(super) struct Known {
    fingerprint: String,
    subject_sha256: String,
    der: Vec<u8>,
}

impl Known {
    pub(super) fn read(
        recorded: &Recorded,
        message: &x509::v1::Certificate,
    ) -> Result<Self, ApplyError> {
        let certificate = Certificate::parse(&message.der);
        let certificate = certificate.map_err(|error| ApplyError::event(recorded, error))?;
        Ok(Self {
            subject_sha256: sha256_hex(certificate.subject_der()),
            fingerprint: certificate.sha256_fingerprint,
            der: certificate.der,
        })
    }

    /// Those that this certificate is, by the fingerprints that it has claimed.
    pub(super) async fn of(tx: &impl ConnectionTrait, id: Uuid) -> Result<Vec<Self>, DbErr> {
        let rows = authority::Entity::find()
            .filter(authority::Column::Sha256Fingerprint.is_in(fingerprints(tx, id).await?))
            .all(tx)
            .await?;
        let known = rows.into_iter().map(|row| Self {
            fingerprint: row.sha256_fingerprint,
            subject_sha256: row.subject_sha256,
            der: row.der,
        });
        Ok(known.collect())
    }

    /// Keeps it; says whether it was not here.
    pub(super) async fn put(
        &self,
        tx: &impl ConnectionTrait,
        imported: bool,
    ) -> Result<bool, DbErr> {
        use authority::Column;
        let (column, other) = match imported {
            true => (Column::Imported, Column::Embedded),
            false => (Column::Embedded, Column::Imported),
        };
        let found = authority::Entity::find_by_id(&self.fingerprint)
            .one(tx)
            .await?;
        let new = found.is_none_or(|row| !row.imported && !row.embedded);
        let mut row = authority::ActiveModel {
            sha256_fingerprint: Set(self.fingerprint.clone()),
            subject_sha256: Set(self.subject_sha256.clone()),
            der: Set(self.der.clone()),
            ..Default::default()
        };
        sea_orm::ActiveModelTrait::set(&mut row, column, true.into());
        sea_orm::ActiveModelTrait::set(&mut row, other, false.into());
        let seen = OnConflict::column(Column::Sha256Fingerprint)
            .update_column(column)
            .to_owned();
        authority::Entity::insert(row)
            .on_conflict(seen)
            .exec_without_returning(tx)
            .await?;
        Ok(new)
    }

    /// Has the chains built anew that have looked for it.
    pub(super) async fn wake(
        &self,
        tx: &impl ConnectionTrait,
        recorded: &Recorded,
    ) -> Result<(), DbErr> {
        let waiting = looked_for::Entity::find()
            .filter(looked_for::Column::SubjectSha256.eq(&self.subject_sha256))
            .all(tx)
            .await?;
        queue(
            tx,
            recorded,
            waiting.into_iter().map(|row| row.certificate_id),
        )
        .await
    }
}

/// A CA's certificate that is deleted makes no chains any more, until it is restored.
pub(super) async fn is_imported(
    tx: &impl ConnectionTrait,
    id: Uuid,
    imported: bool,
) -> Result<(), DbErr> {
    authority::Entity::update_many()
        .col_expr(authority::Column::Imported, Expr::value(imported))
        .filter(authority::Column::Sha256Fingerprint.is_in(fingerprints(tx, id).await?))
        .exec(tx)
        .await?;
    Ok(())
}

async fn fingerprints(tx: &impl ConnectionTrait, id: Uuid) -> Result<Vec<String>, DbErr> {
    let claims = claim::Entity::find()
        .filter(claim::Column::Kind.eq(claim::Kind::Fingerprint))
        .filter(claim::Column::Holder.eq(id))
        .all(tx)
        .await?;
    Ok(claims.into_iter().map(|row| row.value).collect())
}

/// The certificates of CAs from which the chains of these can be built, as far as they are known here,
/// beside those that are given.
///
/// # Errors
/// What the database says.
pub async fn candidates(
    db: &impl ConnectionTrait,
    leaves: &[Certificate],
    given: &[Certificate],
) -> Result<Vec<Certificate>, DbErr> {
    let mut found = given.to_vec();
    let mut asked = HashSet::new();
    let wanted = leaves.iter().chain(given).map(Certificate::issuer_der);
    let mut wanted = wanted.map(sha256_hex).collect::<Vec<_>>();
    for _ in 0..chain::LONGEST {
        wanted.retain(|subject| asked.insert(subject.clone()));
        if wanted.is_empty() || found.len() > MOST_CANDIDATES {
            break;
        }
        let mut above = Vec::new();
        for subjects in wanted.chunks(ROWS_AT_ONCE) {
            let rows = with_subjects(db, subjects).await?;
            // It was read when it came.
            above.extend(
                rows.iter()
                    .filter_map(|row| Certificate::parse(&row.der).ok()),
            );
        }
        wanted = above.iter().map(|c| sha256_hex(c.issuer_der())).collect();
        found.extend(above);
    }
    Ok(found)
}

/// The CAs' certificates with one of these subjects (SHA-256 of the DER, hex).
pub(super) async fn with_subjects(
    db: &impl ConnectionTrait,
    subjects: &[String],
) -> Result<Vec<authority::Model>, DbErr> {
    use authority::Column;
    authority::Entity::find()
        .filter(Column::SubjectSha256.is_in(subjects))
        .filter(Column::Imported.eq(true).or(Column::Embedded.eq(true)))
        .order_by_asc(Column::Sha256Fingerprint)
        .limit(MOST_CANDIDATES as u64)
        .all(db)
        .await
}

/// More CAs than that do not stand above one certificate, nor with the same name.
pub(super) const MOST_CANDIDATES: usize = 1_000;
