//! The seal on the log: the tree over all events is signed now and then, and the signature is an event itself.
//!
//! Of several replicas the one whose append is taken has signed; the others see that nothing is left to be signed.

use std::time::Duration;

use api::{
    keystore::v1::{SignCheckpointRequest, keystore_service_client::KeystoreServiceClient},
    projection::v1::{CheckpointCosigned, CheckpointSigned},
};
use eventlog::{
    Aggregate, Appended, Envelope, EventLog, LogError, Origin,
    proof::{Note, NoteKey},
};
use runtime::{Cause, Clock, call};
use sea_orm::DbErr;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tonic::{Status, transport::Channel};
use uuid::Uuid;

use crate::{
    events::SealEvent,
    follow::FOLLOWER,
    query::{
        checkpoints,
        tree::{self, TreeError},
    },
    refusal::Refusal,
    served::Served,
    tables::{checkpoint, event, instant::moment},
};

/// The aggregate's name.
pub const SEAL: &str = "seal";

/// There is one seal; what is found of damage is said of another of its kind, so that neither waits for the other.
pub const ID: &str = "default";

/// The log's seal. What is to be signed is told by the tables alone.
#[derive(Debug, Clone, Default)]
pub struct Seal;

impl Aggregate for Seal {
    const NAME: &'static str = SEAL;
    type Event = SealEvent;

    fn evolve(&mut self, _: &SealEvent, _: &Envelope) {}
}

/// Signs the tree. Cheap to clone.
#[derive(Clone)]
pub struct Sealer {
    /// Where signatures go.
    pub log: EventLog,
    /// What they are made from, and how far that is.
    pub served: Served,
    /// The time.
    pub clock: Clock,
    /// Where the key is.
    pub keystore: KeystoreServiceClient<Channel>,
    /// What the log is called; by its first event where this is left out.
    pub origin: Option<String>,
}

/// Why the log was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The tables do not tell what to sign.
    #[error("the tree over the log cannot be read")]
    Tree(#[from] TreeError),
    /// Nothing has happened yet.
    #[error("the log has no events yet")]
    Empty,
    /// The keystore did not sign.
    #[error("the keystore does not sign the checkpoint")]
    Keystore(#[source] Status),
    /// The log did not take the signature.
    #[error("the event log did not take the event")]
    Log(#[source] LogError),
    /// Nobody knows whether the log took it.
    #[error("the event log did not acknowledge the event: {0}")]
    Unacknowledged(String),
    /// Others kept sealing the log.
    #[error("others keep sealing the log at the same time; try again")]
    Contended,
}

impl From<DbErr> for SealError {
    fn from(error: DbErr) -> Self {
        Self::Tree(error.into())
    }
}

impl Sealer {
    /// Signs whenever the oldest event that no checkpoint vouches for is older than `every`, until `stopping`.
    pub async fn keep_sealing(self, every: Duration, stopping: CancellationToken) {
        let work = async {
            loop {
                if let Err(error) = self.seal_when_due(every).await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the log is not sealed, trying again"
                    );
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        };
        stopping.run_until_cancelled(work).await;
    }

    async fn seal_when_due(&self, every: Duration) -> Result<(), SealError> {
        let at = self.served.position().now();
        match self.oldest_unsealed().await? {
            None => {
                // Whoever stops for good is not asked again.
                if self.served.position().past(at).await.is_err() {
                    std::future::pending::<()>().await;
                }
                return Ok(());
            }
            Some(oldest) => self.clock.sleep_until(oldest + every).await,
        }
        // Tables that are made anew pass by what was signed long ago.
        let last = self.log.last_sequence().await.map_err(SealError::Log)?;
        if self.served.position().now().saturating_add(BEHIND) < last {
            tokio::time::sleep(CATCHING_UP).await;
            return Ok(());
        }
        let origin = Origin::unasked("service/projection", self.clock.new_id());
        self.seal(&origin).await?;
        Ok(())
    }

    /// When the oldest event was that no checkpoint vouches for; checkpoints themselves do not count.
    async fn oldest_unsealed(&self) -> Result<Option<OffsetDateTime>, SealError> {
        let newest = checkpoints::newest(&self.served.database()).await?;
        let size = newest.map_or(0, |row| row.size);
        let oldest = checkpoints::first_unsealed(&self.served.database(), size).await?;
        Ok(oldest.map(|event| moment(event.time)))
    }

    /// Signs the tree as it is, where there is anything new in it; the position of the newest checkpoint's event.
    ///
    /// # Errors
    /// [`SealError`].
    pub async fn seal(&self, origin: &Origin) -> Result<u64, SealError> {
        for _ in 0..ATTEMPTS {
            let at = self.served.position().now();
            // First, so that a seal that comes between the looks below makes the append a conflict.
            let known = self.last_of_seal().await?;
            // The rows are of this event or of a later one, and a tree's past is always in it.
            let size = eventlog::checkpoint::checkpoint(&self.served.database(), FOLLOWER).await?;
            let size = size.sequence;
            let newest = checkpoints::newest(&self.served.database()).await?;
            let sealed = newest.as_ref().map_or(0, |row| row.size);
            let unsealed = checkpoints::first_unsealed(&self.served.database(), sealed).await?;
            if let (Some(newest), true) = (
                &newest,
                unsealed.is_none_or(|e| e.sequence > size.cast_signed()),
            ) {
                return Ok(newest.sequence.cast_unsigned());
            }
            if size == 0 {
                return Err(SealError::Empty);
            }
            let event = self.signed(size, origin).await?;
            match self
                .append(origin, "signed", &SealEvent::Signed(event), known)
                .await?
            {
                Some(position) => return Ok(position),
                None => self.news(at).await?,
            }
        }
        Err(SealError::Contended)
    }

    /// Adds what these witnesses have signed to a checkpoint; the names of those that were not there, and the position.
    ///
    /// # Errors
    /// [`SealError`], or what [`checkpoints::signed`] refuses.
    pub async fn cosign(
        &self,
        origin: &Origin,
        row: &checkpoint::Model,
        given: &Note,
        witnesses: &[NoteKey],
    ) -> Result<(Vec<String>, u64), Refusal> {
        let mut added = Vec::new();
        let mut position = 0;
        for _ in 0..ATTEMPTS {
            let at = self.served.position().now();
            let mut known = self.last_of_seal().await?;
            let mut note = checkpoints::signed(&self.served.database(), row).await?;
            let mut lost = false;
            for witness in note.take_signatures(given, witnesses) {
                let event = SealEvent::Cosigned(CheckpointCosigned {
                    size: row.size.cast_unsigned(),
                    line: note.line_of(&witness).unwrap_or_default(),
                    witness: witness.clone(),
                });
                match self.append(origin, &witness, &event, known).await? {
                    Some(stored) => {
                        position = stored;
                        known = stored;
                        added.push(witness);
                        self.served.position().reached(stored, PATIENCE).await?;
                    }
                    None => {
                        lost = true;
                        break;
                    }
                }
            }
            if !lost {
                return Ok((added, position));
            }
            self.news(at).await?;
        }
        Err(SealError::Contended.into())
    }

    async fn signed(&self, size: u64, origin: &Origin) -> Result<CheckpointSigned, SealError> {
        let request = SignCheckpointRequest {
            origin: self.name().await?,
            size,
            root_hash: tree::root(&self.served.database(), size)
                .await?
                .to_vec()
                .into(),
        };
        let cause = Cause {
            request_id: origin.request_id.clone(),
            correlation_id: origin.correlation_id,
            causation_id: None,
        };
        let mut call = call(request.clone(), &cause);
        call.set_timeout(PATIENCE);
        let signed = self.keystore.clone().sign_checkpoint(call).await;
        let signed = signed.map_err(SealError::Keystore)?.into_inner();
        Ok(CheckpointSigned {
            origin: request.origin,
            size,
            root_hash: request.root_hash,
            note: signed.note,
            verifier_key: signed.verifier_key,
        })
    }

    /// What the log is called: as it is configured, or by its first event, which no other log has.
    async fn name(&self) -> Result<String, SealError> {
        use sea_orm::EntityTrait;
        if let Some(name) = &self.origin {
            return Ok(name.clone());
        }
        let first = event::Entity::find_by_id(1)
            .one(&self.served.database())
            .await?;
        let id = first.and_then(|event| event.event_id.parse::<Uuid>().ok());
        Ok(format!("chancery/{}", id.ok_or(SealError::Empty)?))
    }

    /// The position of the seal's newest event, as far as the tables know.
    async fn last_of_seal(&self) -> Result<u64, SealError> {
        Ok(checkpoints::last_of_seal(&self.served.database()).await?)
    }

    /// Appends to the seal behind its event at `known`; `None` where there is a newer one.
    async fn append(
        &self,
        origin: &Origin,
        item: &str,
        event: &SealEvent,
        known: u64,
    ) -> Result<Option<u64>, SealError> {
        let now = self.clock.now();
        let appended = self
            .log
            .append_after::<Seal>(ID, origin, item, now, event, known);
        match appended.await.map_err(SealError::Log)? {
            Appended::Stored(position) => Ok(Some(position)),
            Appended::Conflict => Ok(None),
            Appended::Unknown(why) => Err(SealError::Unacknowledged(why)),
        }
    }

    /// Waits until the tables have more than they had.
    async fn news(&self, at: u64) -> Result<(), SealError> {
        let reached = self.served.position().reached(at + 1, PATIENCE).await;
        reached.map(drop).map_err(|_| SealError::Contended)
    }
}

/// How often others may be first.
const ATTEMPTS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(10);
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Tables that are further behind the log than this are not what is signed.
const BEHIND: u64 = 1_000;
const CATCHING_UP: Duration = Duration::from_secs(1);
