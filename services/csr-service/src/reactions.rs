//! What follows here from what happens elsewhere: a certificate that was imported for a request
//! fulfils it.
//!
//! A follower of the log writes what is owed to a request into the [`owed`] table, in the transaction
//! that moves its checkpoint; the [`worker`] appends the events and strikes them off. So no crash loses
//! one, and none is appended twice: an event's id derives from its cause. A follower that starts anew
//! writes all of it again, and the worker finds each event where it is.

pub mod owed;
pub mod worker;

use std::{sync::Arc, time::Duration};

use eventlog::{Aggregate, Apply, ApplyError, Recorded};
use sea_orm::DatabaseTransaction;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::{
    certificate::{self, CertificateEvent},
    commands::CommandError,
    events::RequestEvent,
    key::{self, KeyEvent},
    request::State,
};

/// Keeps the rows, and says when there are new ones.
pub struct Reactions {
    owed: Arc<Notify>,
    position: watch::Sender<u64>,
}

impl Reactions {
    /// The name of the follower's checkpoint.
    pub const FOLLOWER: &str = "reactions";

    /// The kinds of aggregates that it follows.
    pub const KINDS: [&str; 3] = [certificate::AGGREGATE, key::AGGREGATE, State::NAME];

    /// `owed` is notified after each batch.
    pub fn new(owed: Arc<Notify>) -> Self {
        Self {
            owed,
            position: watch::Sender::new(0),
        }
    }

    /// How far the rows are, from now on.
    pub fn progress(&self) -> Progress {
        Progress(self.position.subscribe())
    }
}

/// How far the rows are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress(watch::Receiver<u64>);

impl Progress {
    /// Waits until they have the events up to this position.
    ///
    /// # Errors
    /// [`CommandError::Behind`] where they do not in time.
    pub async fn reaches(&self, position: u64) -> Result<(), CommandError> {
        let mut rows = self.0.clone();
        let reached = rows.wait_for(|at| *at >= position);
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(CommandError::Behind),
        }
    }
}

#[async_trait::async_trait]
impl Apply for Reactions {
    async fn apply(
        &mut self,
        tx: &DatabaseTransaction,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        for recorded in events {
            match recorded.aggregate.as_str() {
                certificate::AGGREGATE => of_certificate(tx, recorded).await?,
                key::AGGREGATE => of_key(tx, recorded).await?,
                State::NAME => of_request(tx, recorded).await?,
                // Only these were asked for.
                _ => {}
            }
        }
        Ok(())
    }

    async fn committed(&mut self, position: u64, _: &[Recorded]) {
        self.position.send_replace(position);
        // Also without events of ours: then another replica may have written the rows, and be gone.
        self.owed.notify_one();
    }
}

async fn of_certificate(tx: &DatabaseTransaction, recorded: &Recorded) -> Result<(), ApplyError> {
    // No other is read: they are many, and whole certificates.
    if recorded.event != certificate::IMPORTED {
        return Ok(());
    }
    let event = recorded.decode();
    let event = event.map_err(|e| ApplyError::event(recorded, e))?;
    let CertificateEvent::Imported(imported) = event else {
        return Ok(());
    };
    if imported.request_id.is_empty() {
        return Ok(());
    }
    let request = Uuid::parse_str(&imported.request_id);
    let certificate = imported.certificate.unwrap_or_default();
    let owed = owed::Owed {
        cause: recorded.event_id,
        correlation: recorded.correlation_id,
        request: request.map_err(|e| ApplyError::event(recorded, e))?,
        certificate: recorded.id.clone(),
        fingerprint: certificate.sha256_fingerprint,
        position: recorded.sequence,
    };
    Ok(owed::write(tx, owed).await?)
}

async fn of_key(tx: &DatabaseTransaction, recorded: &Recorded) -> Result<(), ApplyError> {
    let event = recorded.decode_known::<KeyEvent>();
    let Some(event) = event.map_err(|e| ApplyError::event(recorded, e))? else {
        return Ok(());
    };
    let id = Uuid::parse_str(&recorded.id).map_err(|e| ApplyError::event(recorded, e))?;
    Ok(key::take_in(tx, id, recorded, event).await?)
}

async fn of_request(tx: &DatabaseTransaction, recorded: &Recorded) -> Result<(), ApplyError> {
    let event = recorded.decode::<RequestEvent>();
    let RequestEvent::Created(_) = event.map_err(|e| ApplyError::event(recorded, e))? else {
        return Ok(());
    };
    let id = Uuid::parse_str(&recorded.id).map_err(|e| ApplyError::event(recorded, e))?;
    Ok(owed::wake(tx, id).await?)
}

/// How long a command waits for the rows.
const PATIENCE: Duration = Duration::from_secs(10);
