//! UpdateChannel.

use api::notifier::v1::ChannelUpdated;
use eventlog::{Origin, RequestLedger};
use uuid::Uuid;

use super::{CommandError, Commands, Form, create::kind};
use crate::{
    channel::{self, Command},
    settings::row,
};

impl Commands {
    /// Sets a channel anew: the position of the event.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn update(
        &self,
        origin: &Origin,
        id: Uuid,
        form: &Form,
    ) -> Result<u64, CommandError> {
        let updated = ChannelUpdated {
            name: form.name.to_string(),
            rule: Some(form.rule.clone()),
        };
        let update = Command::Update(updated, kind(&form.settings));
        // A refused command changes nothing.
        channel::decide(&self.state(id).await?, &update)?;
        RequestLedger::claim(&self.database, origin).await?;
        // Step 1: the name. The old one stays claimed until the event.
        self.claim(&form.name.to_string(), id).await?;
        // Step 2: secrets and addresses. A crash after this leaves a channel that already writes to the
        // new ones; the same request again makes the event.
        self.seal(origin, id, &form.secrets).await?;
        row::keep(&self.database, id, &form.settings).await?;
        // Step 3: append, and let go of the old name.
        let position = self.append(origin, id, "update", &update).await?;
        row::release_others(&self.database, &form.name.to_string(), id).await?;
        Ok(position)
    }
}
