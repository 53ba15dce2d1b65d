//! CreateRequest.

use api::{csr::v1::RequestCreated, keystore::v1::ReserveRequestRequest};
use eventlog::{LogError, Origin, derive_id};
use uuid::Uuid;

use super::{CommandError, Commands, Form};
use crate::{
    certificate,
    events::RequestEvent,
    refusal::Refusal,
    request::{self, Command, State},
};

/// A request to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRequest {
    /// What it is made from.
    pub form: Form,
    /// The certificate that it is to take the place of.
    pub renews: Option<Uuid>,
}

/// A request that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    /// Which one.
    pub id: Uuid,
    /// What the log says of it.
    pub event: RequestCreated,
    /// Where the log has it.
    pub position: u64,
}

impl Commands {
    /// Makes a request. The same command again answers the same request, whatever has become of it.
    ///
    /// # Errors
    /// See [`CommandError`]; the keystore's refusals are its own.
    pub async fn create_request(
        &self,
        origin: &Origin,
        create: CreateRequest,
    ) -> Result<Created, CommandError> {
        let id = derive_id(origin, State::ITEM);
        let state = self.request(id).await?;
        if let Some(made) = state.made() {
            // A repeat: the log knows whether it is the same command.
            return self.append(origin, id, made.created.clone()).await;
        }
        if let Some(certificate) = create.renews {
            let known = certificate::load(&self.log, certificate).await;
            let known = known.map_err(CommandError::Log)?;
            known.ok_or(Refusal::NoSuchCertificate)?;
        }
        // Step 1: name, key and signature. A crash after this leaves a reservation, which a repeat
        // finds its own, or else the keystore's sweep.
        let CreateRequest { form, renews } = create;
        let (subject, names) = ((&form.subject).into(), (&form.names).into());
        let reserve = ReserveRequestRequest {
            request_id: id.to_string(),
            friendly_name: form.friendly_name.to_string(),
            key: Some(form.key.into()),
            subject: Some(subject),
            subject_alt_names: Some(names),
        };
        let reserved = self.keystore.reserve(origin, reserve.clone()).await?;
        // Step 2: append.
        let created = RequestCreated {
            friendly_name: reserve.friendly_name,
            key_id: reserved.key_id,
            key_algorithm: reserved.key_algorithm,
            spki_sha256: reserved.spki_sha256,
            csr_der: reserved.csr_der,
            subject: reserve.subject,
            subject_alt_names: reserve.subject_alt_names,
            renews_certificate_id: renews.map(|id| id.to_string()).unwrap_or_default(),
        };
        let done = self.append(origin, id, created).await;
        if let Err(error) = &done
            && error.nothing_was_appended()
        {
            self.give_up(origin, id).await;
        }
        done
    }

    /// A request as the log has it now.
    pub(super) async fn request(&self, id: Uuid) -> Result<State, CommandError> {
        let loaded = self.log.load::<State>(&id.to_string()).await;
        Ok(loaded.map_err(CommandError::Log)?.state)
    }

    async fn append(
        &self,
        origin: &Origin,
        id: Uuid,
        created: RequestCreated,
    ) -> Result<Created, CommandError> {
        let command = Command::Create(Box::new(created));
        let decide = |state: &State| request::decide(state, &command);
        let (text, now) = (id.to_string(), self.clock.now());
        let done = self
            .log
            .execute(&text, origin, State::ITEM, now, decide)
            .await?;
        match done.event {
            RequestEvent::Created(event) => Ok(Created {
                id,
                event,
                position: done.position,
            }),
            // Under this event id nothing else is ever appended.
            RequestEvent::Fulfilled(_) | RequestEvent::Deleted(_) => {
                Err(Refusal::RequestExists.into())
            }
        }
    }

    /// Gives up what was reserved for a request that did not come to be. The caller is told why it did
    /// not; where this fails too, the keystore's sweep comes by.
    async fn give_up(&self, origin: &Origin, id: Uuid) {
        // Another try of the same command may have been luckier: then it is that one's.
        match self.request(id).await {
            Ok(State::Absent) => {}
            Ok(State::Made(_)) | Err(_) => return,
        }
        if let Err(error) = self.keystore.release(origin, id).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(request = %id, error, "a request that failed left its reservation behind");
        }
    }
}

impl State {
    /// What a command's new request, and the event that makes it, are derived from beside the command.
    const ITEM: &str = "request";
}

impl CommandError {
    /// Whether it is sure that the log has not taken the event, nor any other of this command.
    fn nothing_was_appended(&self) -> bool {
        match self {
            Self::Contended | Self::Changed(_) => true,
            Self::Log(error) => !matches!(error, LogError::Unavailable(_)),
            // A refusal, and an id that was used before, say that there is an event.
            Self::Refused(_) | Self::RequestIdReused => false,
            Self::Keystore(_)
            | Self::Behind
            | Self::Database(_)
            | Self::Unreadable(_)
            | Self::Egress(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_is_given_up_only_where_surely_no_event_needs_it() {
        let lost = || LogError::Unavailable("timeout".into());
        assert!(!CommandError::Log(lost()).nothing_was_appended());
        assert!(!CommandError::RequestIdReused.nothing_was_appended());
        assert!(CommandError::Log(LogError::Full).nothing_was_appended());
        assert!(CommandError::Contended.nothing_was_appended());
    }
}
