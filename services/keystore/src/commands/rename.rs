//! RenameCertificate.

use eventlog::Origin;
use pki::FriendlyName;
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{
    certificate::{self, Command, State},
    claims::{self, Kind},
    refusal::Refusal,
};

impl Commands {
    /// Gives a certificate another name; says where the log has that.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn rename(
        &self,
        origin: &Origin,
        id: Uuid,
        friendly_name: FriendlyName,
    ) -> Result<u64, CommandError> {
        let certificate = id.to_string();
        let done = self.done_before::<State>(origin, &certificate, "rename");
        if let Some(done) = done.await? {
            return Ok(done.position);
        }
        let command = Command::Rename {
            friendly_name: friendly_name.clone(),
        };
        let decide = |state: &State| certificate::decide(state, &command);
        // It may have its name already, and the claim not be noted.
        match decide(&self.certificate(id).await?) {
            Ok(_) | Err(Refusal::NameUnchanged) => {}
            Err(refusal) => return Err(refusal.into()),
        }
        // Step 1: the request id, and the new name. The follower gives the old one free.
        self.claim_request(origin).await?;
        if !self.claim_name(id, &friendly_name).await? {
            self.settled().await?;
            if !self.claim_name(id, &friendly_name).await? {
                let name = friendly_name.to_string();
                return Err(Refusal::NameTaken { name }.into());
            }
        }
        // Step 2: append.
        let now = self.clock.now();
        let log = &self.log;
        let done = log
            .execute(&certificate, origin, "rename", now, decide)
            .await;
        if let Err(eventlog::CommandError::Refused(Refusal::NameUnchanged)) = &done {
            // It has the name: what was claimed is its own.
            self.record_name(id, friendly_name).await?;
        }
        Ok(done?.position)
    }

    async fn claim_name(&self, id: Uuid, name: &FriendlyName) -> Result<bool, CommandError> {
        let (name, now) = (name.clone(), self.clock.now());
        let claimed = self.writer.write(move |tx| {
            Box::pin(async move {
                let holder = claims::claim_again(tx, Kind::Name, &name, id, now).await?;
                Ok(holder == id)
            })
        });
        claimed.await.map_err(CommandError::Database)
    }

    async fn record_name(&self, id: Uuid, name: FriendlyName) -> Result<(), CommandError> {
        let recorded = self.writer.write(move |tx| {
            Box::pin(async move { claims::record(tx, Kind::Name, &name, id).await })
        });
        recorded.await.map_err(CommandError::Database)
    }
}
