//! DeleteRequests.

use api::keystore::v1::DeletionVerdict;
use eventlog::{Origin, RequestLedger};
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{
    refusal::Refusal,
    request::{self, Command, Made, Standing, State},
};

/// Requests to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteRequests {
    /// Which ones.
    pub ids: Vec<Uuid>,
    /// Only say what would go.
    pub dry_run: bool,
}

impl Commands {
    /// Deletes requests: a verdict for each, in their order, and the position of the last event (0 where
    /// there is none). The same command again answers the same.
    ///
    /// # Errors
    /// See [`CommandError`]. What went before one of these stays deleted, and the same command goes on.
    pub async fn delete_requests(
        &self,
        origin: &Origin,
        delete: DeleteRequests,
    ) -> Result<(Vec<DeletionVerdict>, u64), CommandError> {
        let (mut verdicts, mut position) = (Vec::new(), 0);
        for id in delete.ids {
            let state = self.request(id).await?;
            if delete.dry_run {
                verdicts.push(verdict(id, &state, may_go(&state).map_err(Refused::from)));
                continue;
            }
            let deleted = match self.delete_request(origin, id, &state).await {
                Ok(at) => {
                    position = position.max(at);
                    Ok(())
                }
                Err(CommandError::Refused(refusal)) => Err(refusal.into()),
                Err(CommandError::Keystore(error)) => match error.refused_for(ANSWERED) {
                    Some((reason, message)) => Err(Refused { reason, message }),
                    None => return Err(error.into()),
                },
                Err(error) => return Err(error),
            };
            verdicts.push(verdict(id, &state, deleted));
        }
        Ok((verdicts, position))
    }

    /// Deletes one: the position of the event.
    async fn delete_request(
        &self,
        origin: &Origin,
        id: Uuid,
        state: &State,
    ) -> Result<u64, CommandError> {
        if may_go(state).is_ok() {
            // A refused command claims nothing.
            RequestLedger::claim(&self.database, origin).await?;
        }
        // Step 1: its name and key. From here on no certificate answers it. A crash after this leaves a
        // request that waits in vain, until it is deleted again.
        let pending = |made: &Made| made.standing == Standing::Pending;
        if state.made().is_some_and(pending) {
            self.keystore.release(origin, id).await?;
        }
        // Step 2: append. What is deleted already may have been deleted by an earlier try of this command.
        let decide = |state: &State| request::decide(state, &Command::Delete);
        let (id, now) = (id.to_string(), self.clock.now());
        let done = self.log.execute(&id, origin, "delete", now, decide).await?;
        Ok(done.position)
    }
}

/// Whether a request can be deleted.
fn may_go(state: &State) -> Result<(), Refusal> {
    request::decide(state, &Command::Delete).map(drop)
}

/// Why one request does not go.
struct Refused {
    reason: String,
    message: String,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            reason: refusal.kind().1.to_owned(),
            message: refusal.to_string(),
        }
    }
}

fn verdict(id: Uuid, state: &State, deleted: Result<(), Refused>) -> DeletionVerdict {
    let made = state.made();
    let name = made.map(|made| made.created.friendly_name.clone());
    let verdict = DeletionVerdict {
        id: id.to_string(),
        name: name.unwrap_or_default(),
        ..DeletionVerdict::default()
    };
    match deleted {
        Ok(()) => DeletionVerdict {
            deleted: true,
            warnings: made.map(warnings).unwrap_or_default(),
            ..verdict
        },
        Err(Refused { reason, message }) => DeletionVerdict {
            reason,
            message,
            ..verdict
        },
    }
}

/// What to know before a request goes.
fn warnings(made: &Made) -> Vec<String> {
    let mut warnings = Vec::new();
    if made.standing == Standing::Pending {
        warnings.push(
            "It still waits for its certificate: one that comes later is not matched to it."
                .to_owned(),
        );
    }
    warnings.push("Its key stays under keys.".to_owned());
    warnings
}

/// The keystore's reason where a certificate has taken over the name of a request.
const ANSWERED: &str = "REQUEST_ANSWERED";
