//! CreateChannel.

use api::notifier::v1::{ChannelCreated, ChannelKind};
use eventlog::{Aggregate as _, Origin};
use uuid::Uuid;

use super::{CommandError, Commands, Form};
use crate::{
    channel::{Command, State},
    keystore::Secret,
    refusal::{MOST_CHANNELS, Refusal},
    roster,
    settings::{Settings, row},
};

impl Commands {
    /// Makes a channel: its id, and the position of the event.
    ///
    /// # Errors
    /// See [`CommandError`]. Nothing is kept of a refused channel.
    pub async fn create(&self, origin: &Origin, form: &Form) -> Result<(Uuid, u64), CommandError> {
        let id = eventlog::derive_id(origin, State::NAME);
        let create = Command::Create(ChannelCreated {
            name: form.name.to_string(),
            kind: kind(&form.settings).into(),
            rule: Some(form.rule.clone()),
        });
        if self.state(id).await? != State::Absent {
            // A repeat: the log knows whether it is the same request.
            return Ok((id, self.append(origin, id, "create", &create).await?));
        }
        if roster::all(&self.database).await?.len() >= MOST_CHANNELS {
            return Err(Refusal::TooManyChannels.into());
        }
        // Step 1: the name.
        self.claim(&form.name.to_string(), id).await?;
        // Step 2: secrets and addresses. A crash after this leaves some of no channel, under an id that only the
        // same request can have again.
        self.seal(origin, id, &form.secrets).await?;
        row::keep(&self.database, id, &form.settings).await?;
        // Step 3: append.
        let appended = self.append(origin, id, "create", &create).await;
        if let Err(CommandError::Refused(_)) = &appended {
            self.forget(origin, id).await?;
        }
        Ok((id, appended?))
    }

    /// Erases addresses and secrets.
    pub(super) async fn forget(&self, origin: &Origin, id: Uuid) -> Result<(), CommandError> {
        for secret in Secret::ALL {
            self.keystore.destroy(origin, id, secret).await?;
        }
        Ok(row::forget(&self.database, id).await?)
    }
}

/// The kind that settings are of.
pub(super) fn kind(settings: &Settings) -> ChannelKind {
    match settings {
        Settings::Email(_) => ChannelKind::Email,
        Settings::Webhook(_) => ChannelKind::Webhook,
    }
}
