//! The building of chains that may have got better, from the outbox.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use eventlog::{CommandError as LogCommandError, LogError, Origin};
use futures_util::{StreamExt, stream};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Asterisk, Expr, ExprTrait, OnConflict, Query},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    authorities::with_subjects,
    building::{Better, Ground},
};
use crate::{
    certificate::{self, Command, Kept, State},
    commands::{CommandError, Commands},
    refusal::Refusal,
    tables::{ROWS_AT_ONCE, looked_for, unlinked},
};

/// Builds chains that may have got better. Cheap to clone.
#[derive(Clone)]
pub struct Linker {
    commands: Commands,
    /// Tells that some are done, and which could not be.
    linked: Arc<watch::Sender<HashSet<Uuid>>>,
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

    /// Each row is settled on its own: one that fails stays for the next time, and keeps no other back.
    async fn work(&self) -> Result<(), CommandError> {
        let mut failed = HashSet::new();
        let mut failure = None;
        while failed.len() < AT_ONCE {
            let rows = unlinked::Entity::find()
                .filter(unlinked::Column::CertificateId.is_not_in(failed.iter().copied()))
                .order_by_asc(unlinked::Column::Position)
                .limit(AT_ONCE as u64)
                .all(&self.commands.database)
                .await
                .map_err(CommandError::Database)?;
            if rows.is_empty() {
                break;
            }
            let mut done = Vec::with_capacity(rows.len());
            for Tried {
                row,
                ground,
                outcome,
            } in self.link(rows).await?
            {
                let certificate = row.certificate_id;
                match outcome {
                    Ok(()) => done.push((row, ground)),
                    Err(error) if is_for_good(&error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(%certificate, error, "a chain cannot be linked and is passed over");
                        done.push((row, ground));
                    }
                    Err(error) => {
                        failed.insert(certificate);
                        failure = Some(error);
                    }
                }
            }
            let written = self
                .commands
                .writer
                .write(move |tx| Box::pin(async move { settle(tx, done).await }));
            written.await.map_err(CommandError::Database)?;
            self.linked.send_replace(failed.clone());
        }
        self.linked.send_replace(failed);
        failure.map_or(Ok(()), Err)
    }

    /// Builds chains, and appends those that are others than before.
    async fn link(&self, rows: Vec<unlinked::Model>) -> Result<Vec<Tried>, CommandError> {
        // Each asks the log, and waits for its answer.
        let loads = stream::iter(rows).map(|row| async {
            let state = self.commands.certificate(row.certificate_id).await;
            (row, state)
        });
        let loaded = loads.buffered(IN_FLIGHT).collect::<Vec<_>>().await;
        let (mut tried, mut kept) = (Vec::with_capacity(loaded.len()), Vec::new());
        for (row, state) in loaded {
            let outcome = match state {
                Ok(State::Kept(one)) => {
                    kept.push((row, one));
                    continue;
                }
                // There is no such certificate any more.
                Ok(State::Absent | State::Deleted(_)) => Ok(()),
                Err(error) => Err(error),
            };
            let ground = Ground::default();
            tried.push(Tried {
                row,
                ground,
                outcome,
            });
        }
        let built = self.commands.build(kept.iter().map(|(_, kept)| kept));
        let built = built.await?;
        let appends = kept.into_iter().zip(built);
        let appends = appends.map(|((row, kept), built)| async {
            let (ground, outcome) = match built {
                Ok(built) => {
                    let appended = self.append(&row, kept, built.better).await;
                    (built.ground, appended)
                }
                Err(error) => (Ground::default(), Err(error)),
            };
            Tried {
                row,
                ground,
                outcome,
            }
        });
        let appends = stream::iter(appends.collect::<Vec<_>>());
        tried.extend(appends.buffered(IN_FLIGHT).collect::<Vec<_>>().await);
        Ok(tried)
    }

    /// Appends a chain where it is another than before.
    async fn append(
        &self,
        row: &unlinked::Model,
        kept: Kept,
        better: Better,
    ) -> Result<(), CommandError> {
        let before = kept
            .issuers
            .iter()
            .map(|one| one.sha256_fingerprint.as_str());
        let after = better
            .issuers
            .iter()
            .map(|one| one.sha256_fingerprint.as_str());
        // One cause may bring several, where more comes while the first is built: each is an event of its own.
        let item = ["chain"]
            .into_iter()
            .chain(before)
            .chain(["to"])
            .chain(after);
        let item = item.collect::<Vec<_>>().join(" ");
        let chain = Command::CompleteChain {
            fingerprint: better.fingerprint,
            issuers: better.issuers,
        };
        let decide = |state: &State| certificate::decide(state, &chain);
        // Mostly so, and what was just loaded need not be loaded again to believe it.
        if let Err(Refusal::ChainUnchanged) = decide(&State::Kept(kept)) {
            return Ok(());
        }
        let origin = Origin::reaction("service/keystore", row.cause, row.correlation);
        let (id, now) = (row.certificate_id.to_string(), self.commands.clock.now());
        let log = &self.commands.log;
        match log.execute(&id, &origin, &item, now, decide).await {
            // Deleted in the meantime, it is built when it comes back.
            Ok(_)
            | Err(LogCommandError::Refused(
                Refusal::ChainUnchanged | Refusal::CertificateDeleted,
            )) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What became of one row of the outbox.
struct Tried {
    row: unlinked::Model,
    ground: Ground,
    outcome: Result<(), CommandError>,
}

/// Whether it will fail however often it is tried.
fn is_for_good(error: &CommandError) -> bool {
    match error {
        CommandError::Log(LogError::TooLarge(_) | LogError::Encode(_))
        | CommandError::Refused(_)
        | CommandError::Unreadable(_) => true,
        CommandError::Broken(error) => error.is_panic(),
        _ => false,
    }
}

impl Commands {
    /// Returns once no chain is to be built that an event up to this position asked for, but for those
    /// of `own`, which were built before their event, and those that could not be built and are tried again.
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
                .select_only()
                .column(unlinked::Column::CertificateId)
                .filter(unlinked::Column::Position.lte(position.cast_signed()))
                .into_tuple::<Uuid>()
                .all(&self.database)
                .await;
            let mut waiting = waiting.map_err(CommandError::Database)?.into_iter();
            let failed = linked.borrow_and_update().clone();
            if waiting.all(|id| own.contains(&id) || failed.contains(&id)) {
                return Ok(());
            }
            let _ = tokio::time::timeout(LOOK_AGAIN, linked.changed()).await;
        }
    }
}

/// Notes for whom these chains have looked, and takes them out of the outbox.
async fn settle(
    tx: &DatabaseTransaction,
    done: Vec<(unlinked::Model, Ground)>,
) -> Result<(), DbErr> {
    let ids = done.iter().map(|(row, _)| row.certificate_id);
    looked_for::Entity::delete_many()
        .filter(looked_for::Column::CertificateId.is_in(ids))
        .exec(tx)
        .await?;
    let rows = done.iter().flat_map(|(row, ground)| {
        let subjects = ground.looked_for.iter();
        subjects.map(|subject| looked_for::ActiveModel {
            subject_sha256: Set(subject.clone()),
            certificate_id: Set(row.certificate_id),
        })
    });
    use looked_for::Column::{CertificateId, SubjectSha256};
    let once = OnConflict::columns([SubjectSha256, CertificateId])
        .do_nothing()
        .to_owned();
    for rows in rows.collect::<Vec<_>>().chunks(ROWS_AT_ONCE) {
        looked_for::Entity::insert_many(rows.iter().cloned())
            .on_conflict(once.clone())
            .exec_without_returning(tx)
            .await?;
    }
    let came_meanwhile = came_meanwhile(tx, &done).await?;
    let settled = done
        .iter()
        .map(|(row, _)| (row.certificate_id, row.position))
        .filter(|(id, _)| !came_meanwhile.contains(id))
        .collect::<Vec<_>>();
    if settled.is_empty() {
        return Ok(());
    }
    // Asked for again meanwhile, it stays.
    let this = [unlinked::Column::CertificateId, unlinked::Column::Position].map(Expr::col);
    let settled = Query::select()
        .column(Asterisk)
        .from_values(settled, "settled")
        .to_owned();
    unlinked::Entity::delete_many()
        .filter(Expr::tuple(this).in_subquery(settled))
        .exec(tx)
        .await?;
    Ok(())
}

/// The chains that somebody would have been looked at for, who came while they were built, and did not find them among those
/// that wait for him.
async fn came_meanwhile(
    tx: &DatabaseTransaction,
    done: &[(unlinked::Model, Ground)],
) -> Result<HashSet<Uuid>, DbErr> {
    // Of very many some are not looked at, whoever comes.
    let whole = done
        .iter()
        .filter(|(_, ground)| !ground.above.crowded && !ground.above.cut);
    let whole = whole.collect::<Vec<_>>();
    let subjects = whole.iter().flat_map(|(_, ground)| &ground.looked_for);
    let subjects = subjects.map(String::as_str).collect::<HashSet<_>>();
    let subjects = subjects.into_iter().collect::<Vec<_>>();
    let mut known = HashMap::<String, Vec<String>>::new();
    for (subject, fingerprint) in with_subjects(tx, &subjects).await? {
        known.entry(subject).or_default().push(fingerprint);
    }
    let found_less = whole.into_iter().filter(|(_, ground)| {
        let known = ground
            .looked_for
            .iter()
            .filter_map(|subject| known.get(subject));
        known
            .flatten()
            .any(|known| !ground.above.seen.contains(known))
    });
    Ok(found_less.map(|(row, _)| row.certificate_id).collect())
}

/// Another replica may have written rows, of which nobody tells this one.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Chains of one transaction: below [`ROWS_AT_ONCE`].
const AT_ONCE: usize = 100;

/// Answers of the log that are waited for at the same time.
const IN_FLIGHT: usize = 16;
