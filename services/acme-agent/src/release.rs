//! Lets go of the certificates of automations that were cancelled: from then on they can be deleted. It
//! follows from `cancelled`, once no order is under way any more, and the keystore takes it twice.

use std::{sync::Arc, time::Duration};

use api::keystore::v1::ReleaseCertificateRequest;
use eventlog::{EventLog, LogError, Origin};
use runtime::Clock;
use sea_orm::{DatabaseConnection, DbErr};
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    automation::Automation,
    keystore::{Keystore, KeystoreError},
    owed::{self, Owed, What},
    worker::{chain, sleep_until},
};

/// Lets go of certificates.
pub struct Releaser {
    /// Where the automations are.
    pub log: EventLog,
    /// Where the rows are.
    pub database: DatabaseConnection,
    /// The time.
    pub clock: Clock,
    /// Lets go.
    pub keystore: Keystore,
    /// Who asks for it.
    pub service: &'static str,
    /// Notified when there may be something new.
    pub changed: Arc<Notify>,
}

/// Why one was not let go of yet.
#[derive(Debug, thiserror::Error)]
enum Waits {
    #[error("an order is under way that may still bring a certificate")]
    Order,
    #[error("the event log stood in the way")]
    Log(#[source] LogError),
    #[error("the keystore stood in the way")]
    Keystore(#[source] KeystoreError),
}

impl Releaser {
    /// Runs until `stopping`.
    pub async fn run(self, stopping: CancellationToken) {
        while !stopping.is_cancelled() {
            // Dropped where it is: the keystore takes it twice.
            let Some(passed) = stopping.run_until_cancelled(self.pass()).await else {
                return;
            };
            let wake = passed.unwrap_or_else(|error| {
                tracing::error!(error = chain(&error), "cannot read what is to be released");
                Some(self.clock.now() + PAUSE)
            });
            tokio::select! {
                () = stopping.cancelled() => {}
                () = self.changed.notified() => {}
                () = sleep_until(&self.clock, wake) => {}
            }
        }
    }

    /// Lets go of all that can be; says when to look at the rest.
    async fn pass(&self) -> Result<Option<OffsetDateTime>, DbErr> {
        let mut again = None;
        for open in owed::all(&self.database, What::Release).await? {
            match self.release(&open).await {
                Ok(()) => owed::close(&self.database, &open).await?,
                // Its end is heard of.
                Err(Waits::Order) => {}
                Err(waits) => {
                    let error = chain(&waits);
                    tracing::warn!(automation = %open.automation, error, "a certificate is not released yet");
                    again = Some(self.clock.now() + PAUSE);
                }
            }
        }
        Ok(again)
    }

    async fn release(&self, open: &Owed) -> Result<(), Waits> {
        let id = open.automation.to_string();
        let loaded = self.log.load::<Automation>(&id).await;
        let state = loaded.map_err(Waits::Log)?.state;
        if state.agenda().busy {
            return Err(Waits::Order);
        }
        let Some(certificate_id) = state.certificate_id() else {
            // None ever came.
            return Ok(());
        };
        let actor = format!("service/{}", self.service);
        let origin = Origin::reaction(actor, open.cause, open.correlation);
        let message = ReleaseCertificateRequest {
            certificate_id: certificate_id.to_owned(),
            automation_id: id,
        };
        match self.keystore.release_certificate(&origin, message).await {
            Err(error) if error.may_pass() => Err(Waits::Keystore(error)),
            Err(error) => {
                // Another automation has it, for example: there is nothing to let go of.
                tracing::error!(automation = %open.automation, error = chain(&error), "a certificate is not released");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

/// A log, keystore or database that does not answer is asked again after this.
const PAUSE: Duration = Duration::from_secs(5);
