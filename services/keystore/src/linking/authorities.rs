//! The CAs' certificates that are known, and who has looked for them.

use std::collections::HashSet;

use eventlog::{ApplyError, Recorded};
use pki::{Certificate, fingerprint::sha256_hex};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::Message;
use crate::tables::{ROWS_AT_ONCE, authority, claim, looked_for};

/// A CA's certificate that an event brought, as far as the tables want it.
pub(super) struct Known<'a> {
    pub recorded: &'a Recorded,
    /// SHA-256 of the DER, hex.
    pub subject_sha256: String,
    fingerprint: String,
    key_id_sha256: Option<String>,
    der: Vec<u8>,
}

impl<'a> Known<'a> {
    /// Reads them, off the async threads: there may be many.
    ///
    /// # Errors
    /// [`ApplyError::Event`] for one that cannot be read.
    pub(super) async fn read(
        messages: impl Iterator<Item = Message<'a>>,
    ) -> Result<Vec<Self>, ApplyError> {
        let (recorded, ders): (Vec<_>, Vec<_>) = messages
            .map(|(recorded, message)| (recorded, message.der.clone()))
            .unzip();
        let Some(&first) = recorded.first() else {
            return Ok(Vec::new());
        };
        let parse = move || {
            let certificates = ders.iter().map(|der| Certificate::parse(der));
            certificates.collect::<Vec<_>>()
        };
        let parsed = spawn_blocking(parse).await;
        let parsed = parsed.map_err(|error| ApplyError::event(first, error))?;
        let known = recorded.into_iter().zip(parsed).map(|(recorded, parsed)| {
            let certificate = parsed.map_err(|error| ApplyError::event(recorded, error))?;
            Ok(Self {
                recorded,
                subject_sha256: sha256_hex(certificate.subject_der()),
                key_id_sha256: certificate.subject_key_id().map(sha256_hex),
                fingerprint: certificate.sha256_fingerprint,
                der: certificate.der,
            })
        });
        known.collect()
    }

    /// Keeps them as imported.
    pub(super) async fn put_imported(
        tx: &impl ConnectionTrait,
        known: &[Self],
    ) -> Result<(), DbErr> {
        Self::put(tx, known, authority::Column::Imported).await
    }

    /// Keeps them as come with others; says the subjects of those that were not here.
    pub(super) async fn put_embedded(
        tx: &impl ConnectionTrait,
        known: &[Self],
    ) -> Result<Vec<(String, &'a Recorded)>, DbErr> {
        let here = authority::Entity::find()
            .select_only()
            .column(authority::Column::Sha256Fingerprint)
            .filter(is_known())
            // A chain has few.
            .filter(
                authority::Column::Sha256Fingerprint
                    .is_in(known.iter().map(|known| known.fingerprint.as_str())),
            )
            .into_tuple::<String>()
            .all(tx)
            .await?;
        Self::put(tx, known, authority::Column::Embedded).await?;
        let new = known
            .iter()
            .filter(|known| !here.contains(&known.fingerprint));
        Ok(new
            .map(|known| (known.subject_sha256.clone(), known.recorded))
            .collect())
    }

    async fn put(
        tx: &impl ConnectionTrait,
        known: &[Self],
        how: authority::Column,
    ) -> Result<(), DbErr> {
        let seen = OnConflict::column(authority::Column::Sha256Fingerprint)
            .update_column(how)
            .to_owned();
        for known in known.chunks(ROWS_AT_ONCE) {
            let rows = known.iter().map(|known| authority::ActiveModel {
                sha256_fingerprint: Set(known.fingerprint.clone()),
                subject_sha256: Set(known.subject_sha256.clone()),
                key_id_sha256: Set(known.key_id_sha256.clone()),
                der: Set(known.der.clone()),
                embedded: Set(matches!(how, authority::Column::Embedded)),
                imported: Set(matches!(how, authority::Column::Imported)),
            });
            authority::Entity::insert_many(rows)
                .on_conflict(seen.clone())
                .exec_without_returning(tx)
                .await?;
        }
        Ok(())
    }
}

/// A CA's certificate that is deleted makes no chains any more, until it is restored.
pub(super) async fn is_imported(
    tx: &impl ConnectionTrait,
    id: Uuid,
    imported: bool,
) -> Result<(), DbErr> {
    for fingerprints in fingerprints(tx, id).await?.chunks(ROWS_AT_ONCE) {
        authority::Entity::update_many()
            .col_expr(authority::Column::Imported, Expr::value(imported))
            .filter(authority::Column::Sha256Fingerprint.is_in(fingerprints))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// The subjects of the CAs' certificates that this certificate is, by the fingerprints that it has claimed.
pub(super) async fn subjects_of(
    tx: &impl ConnectionTrait,
    id: Uuid,
) -> Result<HashSet<String>, DbErr> {
    let mut subjects = HashSet::new();
    for fingerprints in fingerprints(tx, id).await?.chunks(ROWS_AT_ONCE) {
        let rows = authority::Entity::find()
            .select_only()
            .column(authority::Column::SubjectSha256)
            .filter(authority::Column::Sha256Fingerprint.is_in(fingerprints))
            .into_tuple::<String>()
            .all(tx)
            .await?;
        subjects.extend(rows);
    }
    Ok(subjects)
}

async fn fingerprints(tx: &impl ConnectionTrait, id: Uuid) -> Result<Vec<String>, DbErr> {
    let claims = claim::Entity::find()
        .filter(claim::Column::Kind.eq(claim::Kind::Fingerprint))
        .filter(claim::Column::Holder.eq(id))
        .all(tx)
        .await?;
    Ok(claims.into_iter().map(|row| row.value).collect())
}

/// The chains that have looked for CAs with these subjects (SHA-256 of the DER, hex).
pub(super) async fn looked_for(
    tx: &impl ConnectionTrait,
    subjects: &[&str],
) -> Result<Vec<looked_for::Model>, DbErr> {
    let mut rows = Vec::new();
    for subjects in subjects.chunks(ROWS_AT_ONCE) {
        let waiting = looked_for::Entity::find()
            .filter(looked_for::Column::SubjectSha256.is_in(subjects.iter().copied()));
        rows.extend(waiting.all(tx).await?);
    }
    Ok(rows)
}

/// Of those with these subjects, each subject and fingerprint.
pub(super) async fn with_subjects(
    tx: &impl ConnectionTrait,
    subjects: &[&str],
) -> Result<Vec<(String, String)>, DbErr> {
    use authority::Column;
    let mut known = Vec::new();
    for subjects in subjects.chunks(ROWS_AT_ONCE) {
        let rows = authority::Entity::find()
            .select_only()
            .columns([Column::SubjectSha256, Column::Sha256Fingerprint])
            .filter(Column::SubjectSha256.is_in(subjects.iter().copied()))
            .filter(is_known())
            .into_tuple::<(String, String)>()
            .all(tx)
            .await?;
        known.extend(rows);
    }
    Ok(known)
}

/// It came with another certificate, or was imported and not deleted.
pub(super) fn is_known() -> sea_orm::Condition {
    sea_orm::Condition::any()
        .add(authority::Column::Imported.eq(true))
        .add(authority::Column::Embedded.eq(true))
}
