//! DestroyKeys, one at a time: the only command that shreds.

use eventlog::Origin;
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{
    certificate,
    claims::{self, KeyClaim, Kind, User},
    key::{self, Command, State},
    refusal::Refusal,
    request,
    tables::key_use,
    vault::StoredKey,
};

impl Commands {
    /// The key that would be destroyed.
    ///
    /// # Errors
    /// See [`CommandError`]; [`Refusal::KeyInUse`] names what uses it.
    pub async fn review_destruction(&self, id: Uuid) -> Result<StoredKey, CommandError> {
        let key = self.key(id).await?;
        self.settled().await?;
        let users = claims::key_users(&self.database, &[&key.spki_sha256]).await;
        let users = users.map_err(CommandError::Database)?;
        match users.first() {
            Some(user) => Err(self.in_use(user).await?.into()),
            None => Ok(key),
        }
    }

    /// Destroys a key for good; says where the log has that.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn destroy_key(&self, origin: &Origin, id: Uuid) -> Result<u64, CommandError> {
        let decide = |state: &State| key::decide(state, &Command::Destroy);
        let (key_id, now) = (id.to_string(), self.clock.now());
        // A key that has come back since is another's.
        if let Some(done) = self
            .done_before::<State>(origin, &key_id, "destroy")
            .await?
        {
            return self.shredded(done.position).await;
        }
        // Step 1: the request id, and the claim that it is destroyed: from now on nothing begins to use it.
        self.claim_request(origin).await?;
        // An older destruction that the follower has still to see would end the new claim with it.
        self.settled().await?;
        if let Some(key) = self.vault.find(id).await? {
            let mut claimed = self.claim_destruction(&key).await?;
            if claimed != KeyClaim::Made {
                // What used it may not do so any more.
                self.settled().await?;
                claimed = self.claim_destruction(&key).await?;
            }
            if let KeyClaim::Used(users) = claimed {
                let refusal = match users.first() {
                    Some(user) => self.in_use(user).await?,
                    None => Refusal::KeyBeingDestroyed,
                };
                return Err(refusal.into());
            }
            // Step 2: append.
            let log = &self.log;
            let done = log.execute(&key_id, origin, "destroy", now, decide).await;
            if let Err(eventlog::CommandError::Refused(_)) = &done {
                // A key whose own event has not come: the sweep's business, or of who brings it back.
                self.give_up(Kind::Destruction, key.spki_sha256).await?;
            }
            // Step 3: shred.
            return self.shredded(done?.position).await;
        }
        let log = &self.log;
        let done = log.execute(&key_id, origin, "destroy", now, decide).await?;
        Ok(done.position)
    }

    /// The follower shreds, and takes back the claim: then the same key may come in again, and that one
    /// must stay.
    async fn shredded(&self, position: u64) -> Result<u64, CommandError> {
        let caught_up = self.progress.caught_up(position).await;
        caught_up.map_err(CommandError::Database)?;
        self.vault.forget_pages().await?;
        Ok(position)
    }

    async fn claim_destruction(&self, key: &StoredKey) -> Result<KeyClaim, CommandError> {
        let (id, spki, now) = (key.id, key.spki_sha256.clone(), self.clock.now());
        let claimed = self.writer.write(move |tx| {
            Box::pin(async move { claims::begin_destruction(tx, &spki, id, now).await })
        });
        claimed.await.map_err(CommandError::Database)
    }

    async fn in_use(&self, used: &key_use::Model) -> Result<Refusal, CommandError> {
        let holder = used.holder.to_string();
        let by = match used.user {
            User::Certificate => {
                let loaded = self.log.load::<certificate::State>(&holder).await;
                let state = loaded.map_err(CommandError::Log)?.state;
                let name = state.known().map(|kept| kept.friendly_name.clone());
                format!("the certificate \"{}\"", name.unwrap_or(holder))
            }
            User::Request => {
                let loaded = self.log.load::<request::State>(&holder).await;
                match loaded.map_err(CommandError::Log)?.state {
                    request::State::Pending { friendly_name } => {
                        format!("the request \"{friendly_name}\"")
                    }
                    request::State::Absent | request::State::Settled => {
                        "a certificate request".to_owned()
                    }
                }
            }
            User::Order => "an order at an ACME server".to_owned(),
        };
        Ok(Refusal::KeyInUse { by })
    }
}
