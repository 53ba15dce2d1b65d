//! DeleteCertificates and RestoreCertificate, one at a time.

use eventlog::Origin;
use pki::FriendlyName;
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{
    certificate::{self, Command, State},
    claims::{self, Against, KeyClaim, Kind, User},
    refusal::Refusal,
    tls,
};

impl Commands {
    /// Whether a certificate that stands like this would be deleted.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn review_deletion(&self, id: Uuid, state: &State) -> Result<(), CommandError> {
        certificate::decide(state, &Command::Delete)?;
        let tls = self.log.load::<tls::State>(tls::ID).await;
        match tls.map_err(CommandError::Log)?.state.default {
            Some(default) if default == id.to_string() => Err(Refusal::IsDefault.into()),
            _ => Ok(()),
        }
    }

    /// Deletes a certificate; says where the log has that. Its key stays.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn delete_certificate(&self, origin: &Origin, id: Uuid) -> Result<u64, CommandError> {
        let certificate = id.to_string();
        let done = self.done_before::<State>(origin, &certificate, "delete");
        if let Some(done) = done.await? {
            return Ok(done.position);
        }
        let decide = |state: &State| certificate::decide(state, &Command::Delete);
        // Refused here, it leaves nothing behind.
        decide(&self.certificate(id).await?)?;
        // Step 1: the request id, and the claim that it is deleted: from now on it does not become the default.
        self.claim_request(origin).await?;
        // An older deletion that the follower has still to see undone would end the new claim with it.
        self.settled().await?;
        match self.claim_deletion(id).await? {
            Against::Nothing => {}
            Against::Unrecorded => return Err(Refusal::BecomingDefault.into()),
            // Another may have taken its place since.
            Against::Recorded => {
                self.settled().await?;
                match self.claim_deletion(id).await? {
                    Against::Nothing => {}
                    Against::Recorded => return Err(Refusal::IsDefault.into()),
                    Against::Unrecorded => return Err(Refusal::BecomingDefault.into()),
                }
            }
        }
        // Step 2: append. The follower gives its name and its key free.
        let now = self.clock.now();
        let log = &self.log;
        let done = log
            .execute(&certificate, origin, "delete", now, decide)
            .await;
        if let Err(eventlog::CommandError::Refused(_)) = &done {
            self.give_up(Kind::Deletion, certificate).await?;
        }
        Ok(done?.position)
    }

    /// Undoes a deletion; says under which name, and where the log has that.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn restore_certificate(
        &self,
        origin: &Origin,
        id: Uuid,
    ) -> Result<(FriendlyName, u64), CommandError> {
        self.claim_request(origin).await?;
        self.restore(origin, id, "restore").await
    }

    /// The same, as one item of a command whose request id is claimed.
    pub(super) async fn restore(
        &self,
        origin: &Origin,
        id: Uuid,
        item: &str,
    ) -> Result<(FriendlyName, u64), CommandError> {
        let certificate = id.to_string();
        let done = self.done_before::<State>(origin, &certificate, item);
        if let Some(done) = done.await? {
            let name = name_of(&done.state)?;
            return Ok((name, done.position));
        }
        // A deletion that the follower has still to see would take the name's new claim with it.
        self.settled().await?;
        let state = self.certificate(id).await?;
        if let State::Kept(_) = state {
            return Err(Refusal::NotDeleted.into());
        }
        let name = name_of(&state)?;
        let kept = state.known().ok_or(Refusal::NoSuchCertificate)?;
        // Step 1: a name, and the key: unless that is being destroyed, it stays.
        let spki = kept.leaf.spki_sha256.clone();
        let now = self.clock.now();
        let claimed = self.writer.write(move |tx| {
            Box::pin(async move {
                let user = User::Certificate;
                if claims::use_key_again(tx, &spki, id, user, now).await? != KeyClaim::Made {
                    return Ok(Err(Refusal::KeyBeingDestroyed));
                }
                claims::claim_free_name(tx, &name, id, now).await.map(Ok)
            })
        });
        let friendly_name = claimed.await.map_err(CommandError::Database)??;
        // Step 2: append. The follower takes back the claim that it is deleted.
        let command = Command::Restore {
            friendly_name: friendly_name.clone(),
        };
        let decide = |state: &State| certificate::decide(state, &command);
        let log = &self.log;
        let done = log.execute(&certificate, origin, item, now, decide).await?;
        Ok((friendly_name, done.position))
    }

    async fn claim_deletion(&self, id: Uuid) -> Result<Against, CommandError> {
        let now = self.clock.now();
        let claimed = self
            .writer
            .write(move |tx| Box::pin(async move { claims::begin_deletion(tx, id, now).await }));
        claimed.await.map_err(CommandError::Database)
    }
}

/// The name that it has, or had.
fn name_of(state: &State) -> Result<FriendlyName, Refusal> {
    let kept = state.known().ok_or(Refusal::NoSuchCertificate)?;
    let name = FriendlyName::try_from(kept.friendly_name.as_str());
    // It was checked when it was given.
    name.map_err(|_| Refusal::NoSuchCertificate)
}
