//! SetDefault and ClearDefault.

use eventlog::Origin;
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{
    certificate::{Kept, Source},
    claims::{self, Against, Kind},
    refusal::Refusal,
    tls::{self, Command, State},
};

impl Commands {
    /// Lets a certificate answer what no name answers; says where the log has that.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn set_default(&self, origin: &Origin, id: Uuid) -> Result<u64, CommandError> {
        let done = self.done_before::<State>(origin, tls::ID, "default");
        if let Some(done) = done.await? {
            return Ok(done.position);
        }
        // Refused here, it leaves nothing behind.
        self.fit_for_default(id).await?;
        // Step 1: the request id, and the claim that it is the default: from now on it is not deleted.
        self.claim_request(origin).await?;
        // An older choice that the follower has still to see end would end the new claim with it.
        self.settled().await?;
        match self.claim_default(id).await? {
            Against::Nothing => {}
            Against::Unrecorded => return Err(Refusal::BeingDeleted.into()),
            // It may have been restored since.
            Against::Recorded => {
                self.settled().await?;
                if self.claim_default(id).await? != Against::Nothing {
                    return Err(Refusal::CertificateDeleted.into());
                }
            }
        }
        // Step 2: only now is what is looked at sure to stay.
        if let Err(error) = self.fit_for_default(id).await {
            self.give_up(Kind::Default, id.to_string()).await?;
            return Err(error);
        }
        // Step 3: append. The follower takes back the claim of the one before.
        let select = Command::Select {
            certificate_id: id.to_string(),
        };
        match self.decide_default(origin, &select).await {
            Err(CommandError::Refused(Refusal::DefaultUnchanged)) => {
                let recorded = self.writer.write(move |tx| {
                    Box::pin(
                        async move { claims::record(tx, Kind::Default, &id.to_string(), id).await },
                    )
                });
                recorded.await.map_err(CommandError::Database)?;
                self.default_decided().await
            }
            outcome => outcome,
        }
    }

    /// Lets none be the default; says where the log has that.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn clear_default(&self, origin: &Origin) -> Result<u64, CommandError> {
        self.claim_request(origin).await?;
        match self.decide_default(origin, &Command::Clear).await {
            Err(CommandError::Refused(Refusal::DefaultUnchanged)) => self.default_decided().await,
            outcome => outcome,
        }
    }

    async fn decide_default(
        &self,
        origin: &Origin,
        command: &Command,
    ) -> Result<u64, CommandError> {
        let now = self.clock.now();
        let decide = |state: &State| tls::decide(state, command);
        let log = &self.log;
        let done = log.execute(tls::ID, origin, "default", now, decide).await?;
        Ok(done.position)
    }

    /// Where the log has what is so already.
    async fn default_decided(&self) -> Result<u64, CommandError> {
        let loaded = self.log.load::<State>(tls::ID).await;
        Ok(loaded.map_err(CommandError::Log)?.state.decided)
    }

    async fn fit_for_default(&self, id: Uuid) -> Result<(), CommandError> {
        let state = self.certificate(id).await?;
        let kept: &Kept = state.existing()?;
        if kept.leaf.self_signed || matches!(kept.source, Source::SelfSigned | Source::Factory) {
            return Err(Refusal::SelfSignedDefault.into());
        }
        let keys = self.vault.find_by_spki(&[&*kept.leaf.spki_sha256]).await?;
        if keys.is_empty() {
            return Err(Refusal::KeyMissing.into());
        }
        Ok(())
    }

    async fn claim_default(&self, id: Uuid) -> Result<Against, CommandError> {
        let now = self.clock.now();
        let claimed = self
            .writer
            .write(move |tx| Box::pin(async move { claims::begin_default(tx, id, now).await }));
        claimed.await.map_err(CommandError::Database)
    }

    pub(super) async fn give_up(&self, kind: Kind, value: String) -> Result<(), CommandError> {
        let given_up = self
            .writer
            .write(move |tx| Box::pin(async move { claims::give_up(tx, kind, &value).await }));
        given_up.await.map_err(CommandError::Database)
    }
}
