//! From a batch of events to rows: one transaction with the checkpoint, however often it takes.

use std::borrow::Cow;

use database::begin_write;
use tracing::Span;

use super::{ATTEMPTS, Apply, ApplyError, FIRST_PAUSE, FollowError, Follower};
use crate::{
    checkpoint::{self, Checkpoint},
    envelope::Recorded,
    subject, trace,
};

/// Where a follower is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The rows are as of this event.
    pub reached: Checkpoint,
    /// What the database says: behind that, where the events since then changed no row.
    pub kept: Checkpoint,
}

impl Place {
    /// Where the database says.
    pub fn kept(checkpoint: Checkpoint) -> Self {
        Self {
            reached: checkpoint,
            kept: checkpoint,
        }
    }
}

impl Follower {
    /// Writes one batch and says where the rows are then; `None` where the checkpoint no longer
    /// stands where it was. The events before one that cannot be applied are written all the same.
    pub(super) async fn write(
        &self,
        from: Place,
        batch: &[Recorded],
        apply: &mut impl Apply,
    ) -> Result<Option<Place>, FollowError> {
        let Some(last) = batch.last() else {
            return Ok(Some(from));
        };
        let to = Checkpoint::at(last);
        let wanted: Cow<'_, [Recorded]> = match batch.iter().all(|e| self.wants(e)) {
            true => Cow::Borrowed(batch),
            false => batch.iter().filter(|e| self.wants(e)).cloned().collect(),
        };
        if wanted.is_empty() && to.sequence - from.kept.sequence < PASSED_OVER {
            // No row changes by these: the rows are as of the last of them already.
            self.committed(to.sequence, &[], apply).await;
            let kept = from.kept;
            return Ok(Some(Place { reached: to, kept }));
        }
        // Whoever is far behind reads what is long over: nobody looks at those traces any more.
        let spans = match batch.len() {
            ..=TRACED => self.spans(&wanted),
            _ => Vec::new(),
        };
        let written = self.write_all(from.kept, to, &wanted, apply).await;
        drop(spans);
        match written {
            Ok(false) => Ok(None),
            Ok(true) => {
                self.committed(to.sequence, &wanted, apply).await;
                Ok(Some(Place::kept(to)))
            }
            Err(ApplyError::Event {
                sequence,
                event,
                source,
            }) => {
                let before = batch.partition_point(|e| e.sequence < sequence);
                if 0 < before && before < batch.len() {
                    Box::pin(self.write(from, &batch[..before], apply)).await?;
                }
                Err(self.apply_failed(ApplyError::Event {
                    sequence,
                    event,
                    source,
                }))
            }
            Err(source) => Err(self.apply_failed(source)),
        }
    }

    /// Brings the checkpoint to where the rows are. Where that fails, or another replica has moved it, the
    /// next start reads some events once more.
    pub(super) async fn keep(&self, place: &mut Place) {
        if place.kept == place.reached {
            return;
        }
        match checkpoint::advance(&self.database, &self.name, place.kept, place.reached).await {
            Ok(true) => place.kept = place.reached,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(follower = self.name, %error, "the checkpoint was not moved on");
            }
        }
    }

    fn wants(&self, event: &Recorded) -> bool {
        if self.subjects.is_empty() {
            return true;
        }
        let subject = subject::event(&event.aggregate, &event.id, &event.event);
        self.subjects.iter().any(|f| subject::matches(f, &subject))
    }

    /// Writes rows and checkpoint, however often it takes; false where the checkpoint does not
    /// stand at `from`.
    async fn write_all(
        &self,
        from: Checkpoint,
        to: Checkpoint,
        events: &[Recorded],
        apply: &mut impl Apply,
    ) -> Result<bool, ApplyError> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            match self.try_write(from, to, events, apply).await {
                Err(ApplyError::Database(error)) if attempt < ATTEMPTS => {
                    tracing::warn!(follower = self.name, %error, "a batch was not written, trying again");
                }
                result => return result,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            attempt += 1;
            // The commit that failed may have been done all the same.
            if checkpoint::checkpoint(&self.database, &self.name)
                .await
                .ok()
                == Some(to)
            {
                return Ok(true);
            }
        }
    }

    async fn try_write(
        &self,
        from: Checkpoint,
        to: Checkpoint,
        events: &[Recorded],
        apply: &mut impl Apply,
    ) -> Result<bool, ApplyError> {
        // No command's transaction comes between, nor another replica's.
        let tx = begin_write(&self.database).await?;
        if !checkpoint::advance(&tx, &self.name, from, to).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        if !events.is_empty() {
            apply.apply(&tx, events).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Says where the rows are: to whoever watches over the log's followers, and to the follower itself.
    pub(super) async fn committed(
        &self,
        position: u64,
        events: &[Recorded],
        apply: &mut impl Apply,
    ) {
        self.log.standings().reach(&self.name, position);
        apply.committed(position, events).await;
    }

    /// A span for each event, in the trace of the command that it came from.
    fn spans(&self, events: &[Recorded]) -> Vec<Span> {
        let (service, follower) = (self.log.service(), self.name.as_str());
        let span = |event| trace::applying(event, service, follower);
        events.iter().map(span).collect()
    }
}

/// Events that a new start may read once more, because the checkpoint does not follow each of other kinds.
const PASSED_OVER: u64 = 1_000;

/// More events than this at once are not of a command that somebody waits for.
const TRACED: usize = 64;
