//! ReleaseCertificate.

use eventlog::Origin;
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{
    certificate::{self, Command, State},
    refusal::Refusal,
};

impl Commands {
    /// Lets go of a certificate whose automation has ended; says where the log has that, or had it before.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn release_certificate(
        &self,
        origin: &Origin,
        id: Uuid,
        automation_id: Uuid,
    ) -> Result<u64, CommandError> {
        let id = id.to_string();
        let command = Command::Release {
            automation_id: automation_id.to_string(),
        };
        let decide = |state: &State| certificate::decide(state, &command);
        let now = self.clock.now();
        match self.log.execute(&id, origin, "release", now, decide).await {
            // A restored agent tells it once more: all that is known by now is an answer.
            Err(eventlog::CommandError::Refused(Refusal::AlreadyReleased)) => {
                let loaded = self.log.load::<State>(&id).await;
                Ok(loaded.map_err(CommandError::Log)?.last_sequence)
            }
            done => Ok(done?.position),
        }
    }
}
