//! DeleteChannel.

use eventlog::{Origin, RequestLedger};
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::channel::{self, Command, State};

impl Commands {
    /// Deletes a channel: the position of the event.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn delete(&self, origin: &Origin, id: Uuid) -> Result<u64, CommandError> {
        let state = self.state(id).await?;
        if state != State::Deleted {
            channel::decide(&state, &Command::Delete)?;
            RequestLedger::claim(&self.database, origin).await?;
        }
        // Step 1: append. Where it was deleted by an earlier try of this command, that is found.
        let position = self.append(origin, id, "delete", &Command::Delete).await?;
        // Step 2: erase. A crash after step 1 leaves them until the same request comes again.
        self.forget(origin, id).await?;
        Ok(position)
    }
}
