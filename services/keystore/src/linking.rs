//! Chains: the CAs' certificates that are known, which chains wait for whom, and the building of those
//! that may have got better.

mod above;
mod authorities;
mod building;
mod fitting;
mod linker;

use std::collections::HashMap;

use api::{keystore::v1, x509};
use eventlog::{ApplyError, Recorded};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait,
    sea_query::OnConflict,
};
use uuid::Uuid;

use self::authorities::{Known, is_imported};
pub use self::{fitting::keep_what_fits, linker::Linker};
use crate::{
    events::CertificateEvent,
    follow::{Followed, Imported},
    tables::{ROWS_AT_ONCE, unlinked},
};

/// Notes what an event brings: a CA's certificate, or a chain to be built.
///
/// # Errors
/// What the database says.
pub(crate) async fn apply(
    tx: &DatabaseTransaction,
    recorded: &Recorded,
    event: &Followed,
) -> Result<(), ApplyError> {
    let Followed::Certificate(id, event) = event else {
        return Ok(());
    };
    let mut unlinked = Queue::default();
    match event.as_ref() {
        CertificateEvent::Issued(v1::CertificateIssued { issuers, .. })
        | CertificateEvent::Renewed(v1::CertificateRenewed { issuers, .. }) => {
            let issuers = issuers.iter().filter(|issuer| issuer.is_ca);
            let known = Known::read(issuers.map(|issuer| (recorded, issuer))).await?;
            // The same issuers come with every renewal.
            let new = Known::put_embedded(tx, &known).await?;
            unlinked.wake(tx, new).await?;
            unlinked.add(*id, recorded);
        }
        CertificateEvent::Deleted(_) => is_imported(tx, *id, false).await?,
        CertificateEvent::Restored(_) => {
            is_imported(tx, *id, true).await?;
            let subjects = authorities::subjects_of(tx, *id).await?;
            let woken = subjects.into_iter().map(|subject| (subject, recorded));
            unlinked.wake(tx, woken).await?;
            unlinked.add(*id, recorded);
        }
        // In one go with those around it: see `imported`.
        CertificateEvent::Imported(_)
        | CertificateEvent::SelfSigned(_)
        | CertificateEvent::ChainCompleted(_)
        | CertificateEvent::Renamed(_)
        | CertificateEvent::Exported(_)
        | CertificateEvent::Released(_)
        | CertificateEvent::Revoked(_) => {}
    }
    Ok(unlinked.write(tx).await?)
}

/// The same for certificates that came one right after another.
///
/// # Errors
/// What the database says.
pub(crate) async fn imported(
    tx: &DatabaseTransaction,
    run: &[Imported<'_>],
) -> Result<(), ApplyError> {
    let mut unlinked = Queue::default();
    for one in run {
        unlinked.add(one.id, one.recorded);
    }
    let authorities = run.iter().filter(|one| one.leaf.is_ca);
    let known = Known::read(authorities.map(|one| (one.recorded, &one.leaf))).await?;
    Known::put_imported(tx, &known).await?;
    let woken = known
        .into_iter()
        .map(|known| (known.subject_sha256, known.recorded));
    unlinked.wake(tx, woken).await?;
    Ok(unlinked.write(tx).await?)
}

/// Chains that are to be built, each for the last event that asks for it.
#[derive(Default)]
struct Queue<'a>(HashMap<Uuid, &'a Recorded>);

impl<'a> Queue<'a> {
    fn add(&mut self, certificate: Uuid, asked_by: &'a Recorded) {
        let last = self.0.entry(certificate).or_insert(asked_by);
        if last.sequence < asked_by.sequence {
            *last = asked_by;
        }
    }

    /// The chains that have looked for CAs of these names (SHA-256 of the DER, hex).
    async fn wake(
        &mut self,
        tx: &impl ConnectionTrait,
        came: impl IntoIterator<Item = (String, &'a Recorded)>,
    ) -> Result<(), DbErr> {
        let mut last = HashMap::<String, &Recorded>::new();
        for (subject, recorded) in came {
            last.insert(subject, recorded);
        }
        let subjects = last.keys().map(String::as_str).collect::<Vec<_>>();
        for row in authorities::looked_for(tx, &subjects).await? {
            if let Some(recorded) = last.get(&row.subject_sha256) {
                self.add(row.certificate_id, recorded);
            }
        }
        Ok(())
    }

    async fn write(self, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
        use unlinked::{ActiveModel, Column, Entity};
        let rows = self
            .0
            .into_iter()
            .map(|(certificate_id, recorded)| ActiveModel {
                certificate_id: Set(certificate_id),
                cause: Set(recorded.event_id),
                correlation: Set(recorded.correlation_id),
                position: Set(recorded.sequence.cast_signed()),
            });
        let rows = rows.collect::<Vec<_>>();
        let later = OnConflict::column(Column::CertificateId)
            .update_columns([Column::Cause, Column::Correlation, Column::Position])
            .to_owned();
        for rows in rows.chunks(ROWS_AT_ONCE) {
            Entity::insert_many(rows.iter().cloned())
                .on_conflict(later.clone())
                .exec_without_returning(tx)
                .await?;
        }
        Ok(())
    }
}

/// A certificate of a message, and the event that it is in.
type Message<'a> = (&'a Recorded, &'a x509::v1::Certificate);
