//! Chains: the CAs' certificates that are known, which chains wait for whom, and the building of those
//! that may have got better.

mod authorities;

use std::{collections::HashSet, sync::Arc, time::Duration};

use api::keystore::v1;
use eventlog::{ApplyError, CommandError as LogCommandError, Origin, Recorded};
use futures_util::{StreamExt, TryStreamExt, stream};
use pki::{Certificate, chain, fingerprint::sha256_hex};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};
use tokio::{sync::watch, task::spawn_blocking};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::authorities::candidates;
use self::authorities::{Known, MOST_CANDIDATES, is_imported, with_subjects};
use crate::{
    certificate::{self, Command, State},
    commands::{CommandError, Commands},
    events::CertificateEvent,
    follow::Followed,
    refusal::Refusal,
    tables::{looked_for, unlinked},
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
    match event.as_ref() {
        CertificateEvent::Imported(v1::CertificateImported { certificate, .. }) => {
            if let Some(certificate) = certificate.as_ref().filter(|c| c.is_ca) {
                let known = Known::read(recorded, certificate)?;
                known.put(tx, true).await?;
                known.wake(tx, recorded).await?;
            }
            queue(tx, recorded, [*id]).await?;
        }
        CertificateEvent::Issued(v1::CertificateIssued { issuers, .. })
        | CertificateEvent::Renewed(v1::CertificateRenewed { issuers, .. }) => {
            for issuer in issuers.iter().filter(|issuer| issuer.is_ca) {
                let known = Known::read(recorded, issuer)?;
                // The same issuers come with every renewal.
                if known.put(tx, false).await? {
                    known.wake(tx, recorded).await?;
                }
            }
            queue(tx, recorded, [*id]).await?;
        }
        CertificateEvent::Deleted(_) => is_imported(tx, *id, false).await?,
        CertificateEvent::Restored(_) => {
            is_imported(tx, *id, true).await?;
            for known in Known::of(tx, *id).await? {
                known.wake(tx, recorded).await?;
            }
            queue(tx, recorded, [*id]).await?;
        }
        CertificateEvent::SelfSigned(_)
        | CertificateEvent::ChainCompleted(_)
        | CertificateEvent::Renamed(_)
        | CertificateEvent::Exported(_)
        | CertificateEvent::Revoked(_) => {}
    }
    Ok(())
}

async fn queue(
    tx: &impl ConnectionTrait,
    recorded: &Recorded,
    certificates: impl IntoIterator<Item = Uuid>,
) -> Result<(), DbErr> {
    use unlinked::{ActiveModel, Column, Entity};
    let rows = certificates.into_iter().map(|certificate_id| ActiveModel {
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

/// Builds chains that may have got better. Cheap to clone.
#[derive(Clone)]
pub struct Linker {
    commands: Commands,
    /// Tells that some are done.
    linked: Arc<watch::Sender<()>>,
}

impl Linker {
    /// A linker that appends by these commands.
    pub fn new(commands: Commands) -> Self {
        Self {
            linked: commands.linked.clone(),
            commands,
        }
    }

    /// Works off the outbox, until `stopping`.
    pub async fn run(self, stopping: CancellationToken) {
        let mut moved = self.commands.progress.subscribe();
        loop {
            match stopping.run_until_cancelled(self.work()).await {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "chains are not linked, trying again");
                }
            }
            let wait = tokio::time::timeout(LOOK_AGAIN, moved.changed());
            if stopping.run_until_cancelled(wait).await.is_none() {
                return;
            }
        }
    }

    async fn work(&self) -> Result<(), CommandError> {
        loop {
            let rows = unlinked::Entity::find()
                .order_by_asc(unlinked::Column::Position)
                .limit(AT_ONCE)
                .all(&self.commands.database)
                .await
                .map_err(CommandError::Database)?;
            if rows.is_empty() {
                return Ok(());
            }
            // Each asks the log, and waits for its answer.
            let links = rows.iter().map(|row| self.link(row)).collect::<Vec<_>>();
            let links = stream::iter(links).buffered(IN_FLIGHT);
            let links = links.try_collect::<Vec<_>>().await?;
            let done = rows.into_iter().zip(links).collect::<Vec<_>>();
            let written = self.commands.writer.write(move |tx| {
                Box::pin(async move {
                    for (row, linked) in done {
                        finish(tx, row, linked).await?;
                    }
                    Ok(())
                })
            });
            written.await.map_err(CommandError::Database)?;
            self.linked.send_replace(());
        }
    }

    /// Builds one chain, and appends it where it is another than before.
    async fn link(&self, row: &unlinked::Model) -> Result<Linked, CommandError> {
        let id = row.certificate_id;
        let state = self.commands.certificate(id).await?;
        let Some(kept) = state.kept() else {
            return Ok(Linked::default());
        };
        let leaf = Certificate::try_from(&kept.leaf);
        let leaf = leaf.map_err(|_| CommandError::Unreadable(pki::CertificateError::Malformed))?;
        // What came with it is known for it, even where it is no CA's own import.
        let given = kept.issuers.iter().map(Certificate::try_from);
        let given = given.flatten().collect::<Vec<_>>();
        let candidates = candidates(&self.commands.database, std::slice::from_ref(&leaf), &given);
        let candidates = candidates.await.map_err(CommandError::Database)?;
        let seen = candidates.iter().map(|c| c.sha256_fingerprint.clone());
        let seen = seen.collect();
        let path = self.commands.path(&leaf, candidates).await?;
        let done = Linked {
            looked_for: path
                .looked_for
                .iter()
                .map(|name| sha256_hex(name))
                .collect(),
            seen,
        };
        let command = Command::CompleteChain {
            fingerprint: leaf.sha256_fingerprint.clone(),
            issuers: path.issuers,
        };
        let origin = Origin::reaction("service/keystore", row.cause, row.correlation);
        let now = self.commands.clock.now();
        let decide = |state: &State| certificate::decide(state, &command);
        // Mostly so, and what was just loaded need not be loaded again to believe it.
        if let Err(Refusal::ChainUnchanged) = decide(&state) {
            return Ok(done);
        }
        let log = &self.commands.log;
        let linked = log
            .execute(&id.to_string(), &origin, "chain", now, decide)
            .await;
        match linked {
            Ok(_) | Err(LogCommandError::Refused(Refusal::ChainUnchanged)) => Ok(done),
            // In the meantime.
            Err(LogCommandError::Refused(Refusal::CertificateDeleted)) => Ok(Linked::default()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Commands {
    /// The best chain of this certificate, from these candidates and the public roots.
    ///
    /// # Errors
    /// [`CommandError::Broken`].
    pub async fn path(
        &self,
        leaf: &Certificate,
        candidates: Vec<Certificate>,
    ) -> Result<chain::Path, CommandError> {
        let (leaf, now) = (leaf.clone(), self.clock.now());
        let built = spawn_blocking(move || chain::build(&leaf, &candidates, now)).await;
        built.map_err(CommandError::Broken)
    }

    /// Returns once no chain is to be built that an event up to this position asked for, but for those
    /// of `own`, which were built before their event.
    ///
    /// # Errors
    /// [`CommandError::Database`].
    pub async fn linked_up_to(
        &self,
        position: u64,
        own: &HashSet<Uuid>,
    ) -> Result<(), CommandError> {
        let mut linked = self.linked.subscribe();
        let caught_up = self.progress.caught_up(position).await;
        caught_up.map_err(CommandError::Database)?;
        loop {
            let waiting = unlinked::Entity::find()
                .filter(unlinked::Column::Position.lte(position.cast_signed()))
                .all(&self.database)
                .await;
            let waiting = waiting.map_err(CommandError::Database)?;
            if waiting.iter().all(|row| own.contains(&row.certificate_id)) {
                return Ok(());
            }
            let _ = tokio::time::timeout(LOOK_AGAIN, linked.changed()).await;
        }
    }
}

/// A chain that was built.
#[derive(Default)]
struct Linked {
    /// The names (SHA-256 of their DER, hex) whose bearers were looked for.
    looked_for: Vec<String>,
    /// The fingerprints of the candidates that it was built from.
    seen: HashSet<String>,
}

async fn finish(
    tx: &DatabaseTransaction,
    row: unlinked::Model,
    linked: Linked,
) -> Result<(), DbErr> {
    use looked_for::{ActiveModel, Column, Entity};
    Entity::delete_many()
        .filter(Column::CertificateId.eq(row.certificate_id))
        .exec(tx)
        .await?;
    if !linked.looked_for.is_empty() {
        let rows = linked.looked_for.iter().map(|subject| ActiveModel {
            subject_sha256: Set(subject.clone()),
            certificate_id: Set(row.certificate_id),
        });
        let once = OnConflict::columns([Column::SubjectSha256, Column::CertificateId])
            .do_nothing()
            .to_owned();
        Entity::insert_many(rows)
            .on_conflict(once)
            .exec_without_returning(tx)
            .await?;
    }
    // Whoever came while the chain was built did not find it among those that wait.
    let known = with_subjects(tx, &linked.looked_for).await?;
    if linked.seen.len() < MOST_CANDIDATES
        && known
            .iter()
            .any(|row| !linked.seen.contains(&row.sha256_fingerprint))
    {
        return Ok(());
    }
    // Asked for again meanwhile, it stays.
    unlinked::Entity::delete_many()
        .filter(unlinked::Column::CertificateId.eq(row.certificate_id))
        .filter(unlinked::Column::Position.eq(row.position))
        .exec(tx)
        .await?;
    Ok(())
}

/// Another replica may have written rows, of which nobody tells this one.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

const AT_ONCE: u64 = 100;

/// Chains that are built at the same time.
const IN_FLIGHT: usize = 16;

/// Below what databases take as variables of one statement.
const ROWS_AT_ONCE: usize = 200;
