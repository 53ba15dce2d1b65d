//! The aggregate `api-token`: a program's right to call. Its secret is not in the log, nor a hash of it.

use api::gateway::v1::{ApiTokenCreated, ApiTokenRevoked};
use eventlog::{Aggregate, Envelope};

use crate::events::ApiTokenEvent;

/// What the log says about a token.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Nothing.
    #[default]
    Absent,
    /// It opens, until it expires.
    Open(ApiTokenCreated),
    /// It opens nothing any more.
    Revoked(ApiTokenCreated),
}

/// What can be asked of a token.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Make it.
    Create(ApiTokenCreated),
    /// End it.
    Revoke,
}

/// The rules said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The id is taken.
    #[error("there is a token with this id already")]
    TokenExists,
    /// It never was, or is not the caller's to see.
    #[error("there is no such token")]
    NoSuchToken,
    /// It has ended.
    #[error("this token is revoked already")]
    AlreadyRevoked,
}

impl State {
    /// What it was made as, once it was.
    ///
    /// # Errors
    /// [`Refusal::NoSuchToken`].
    pub fn created(&self) -> Result<&ApiTokenCreated, Refusal> {
        match self {
            Self::Absent => Err(Refusal::NoSuchToken),
            Self::Open(created) | Self::Revoked(created) => Ok(created),
        }
    }
}

/// What happens to the token.
///
/// # Errors
/// [`Refusal`]: a token is made once, and ends once.
pub fn decide(state: &State, command: &Command) -> Result<ApiTokenEvent, Refusal> {
    match (command, state) {
        (Command::Create(created), State::Absent) => Ok(ApiTokenEvent::Created(created.clone())),
        (Command::Create(_), _) => Err(Refusal::TokenExists),
        (Command::Revoke, State::Open(_)) => Ok(ApiTokenEvent::Revoked(ApiTokenRevoked {})),
        (Command::Revoke, State::Absent) => Err(Refusal::NoSuchToken),
        (Command::Revoke, State::Revoked(_)) => Err(Refusal::AlreadyRevoked),
    }
}

impl Aggregate for State {
    const NAME: &'static str = "api-token";
    type Event = ApiTokenEvent;

    fn evolve(&mut self, event: &ApiTokenEvent, _: &Envelope) {
        match event {
            ApiTokenEvent::Created(created) => *self = Self::Open(created.clone()),
            ApiTokenEvent::Revoked(_) => {
                if let Self::Open(created) = self {
                    *self = Self::Revoked(std::mem::take(created));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use api::options::v1::Role;
    use eventlog::given::given;

    use super::*;

    fn created() -> ApiTokenCreated {
        ApiTokenCreated {
            name: "deploy of the shop".into(),
            role: Role::Operator.into(),
            certificate_filter: vec!["*.shop.example".into()],
            ..ApiTokenCreated::default()
        }
    }

    fn past(revoked: bool) -> Vec<ApiTokenEvent> {
        let mut past = vec![ApiTokenEvent::Created(created())];
        if revoked {
            past.push(ApiTokenEvent::Revoked(ApiTokenRevoked {}));
        }
        past
    }

    #[test]
    fn a_token_is_made_once() {
        let create = Command::Create(created());
        given::<State>([])
            .when(|s| decide(s, &create))
            .then(ApiTokenEvent::Created(created()));
        for revoked in [false, true] {
            given::<State>(past(revoked))
                .when(|s| decide(s, &create))
                .refused(Refusal::TokenExists);
        }
    }

    #[test]
    fn a_token_ends_once() {
        let revoke = Command::Revoke;
        given::<State>([])
            .when(|s| decide(s, &revoke))
            .refused(Refusal::NoSuchToken);
        given::<State>(past(false))
            .when(|s| decide(s, &revoke))
            .then(ApiTokenEvent::Revoked(ApiTokenRevoked {}));
        given::<State>(past(true))
            .when(|s| decide(s, &revoke))
            .refused(Refusal::AlreadyRevoked);
        let ended = given::<State>(past(true)).state();
        assert_eq!(ended.created(), Ok(&created()));
    }
}
