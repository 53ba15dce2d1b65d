//! MarkRevoked.

use api::x509::v1::RevocationReason;
use eventlog::Origin;
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{
    certificate::{self, Command, State},
    refusal::Refusal,
};

impl Commands {
    /// Notes that a CA has revoked a version; says where the log has that, or had it before.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn mark_revoked(
        &self,
        origin: &Origin,
        id: Uuid,
        version: u32,
        reason: RevocationReason,
    ) -> Result<u64, CommandError> {
        let id = id.to_string();
        let item = format!("revoked/{version}");
        let command = Command::Revoke { version, reason };
        let decide = |state: &State| certificate::decide(state, &command);
        let now = self.clock.now();
        match self.log.execute(&id, origin, &item, now, decide).await {
            // It is the same fact, whoever tells it: all that is known by now is an answer.
            Err(eventlog::CommandError::Refused(Refusal::AlreadyRevoked)) => {
                let loaded = self.log.load::<State>(&id).await;
                Ok(loaded.map_err(CommandError::Log)?.last_sequence)
            }
            done => Ok(done?.position),
        }
    }
}
