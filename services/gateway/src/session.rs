//! The aggregate `session`: a person at a browser, from when he has signed in until that ends; and, each under an
//! id of its own, the sums of those who did not get in.

use api::gateway::v1::{RefusalsSummed, SessionEnd, SessionEnded, SignInMethod, SignedIn};
use eventlog::{Aggregate, Envelope};
use uuid::Uuid;

use crate::events::SessionEvent;

/// What the log says of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    #[default]
    Absent,
    /// This person has signed in.
    Open(Uuid),
    /// It has ended.
    Ended,
    /// It is none: a sum of refusals.
    Summed,
}

/// What can be asked of a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// This person has shown who he is.
    SignIn(Uuid, SignInMethod),
    /// It is to end.
    End(SessionEnd),
    /// So many did not get in.
    Sum(RefusalsSummed),
}

/// The rules said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The id is taken.
    #[error("there is a session with this id already")]
    SessionExists,
    /// It never was.
    #[error("there is no such session")]
    NoSuchSession,
    /// It has ended.
    #[error("this session has ended")]
    SessionEnded,
    /// The hour is summed.
    #[error("the refusals of this hour are summed already")]
    AlreadySummed,
}

/// What happens to the session.
///
/// # Errors
/// [`Refusal`]: it begins once and ends once, and an hour is summed once.
pub fn decide(state: &State, command: &Command) -> Result<SessionEvent, Refusal> {
    match (command, state) {
        (Command::SignIn(user, method), State::Absent) => Ok(SessionEvent::SignedIn(SignedIn {
            user_id: user.to_string(),
            method: (*method).into(),
        })),
        (Command::SignIn(..), State::Open(_) | State::Ended | State::Summed) => {
            Err(Refusal::SessionExists)
        }
        (Command::End(reason), State::Open(user)) => Ok(SessionEvent::Ended(SessionEnded {
            user_id: user.to_string(),
            reason: (*reason).into(),
        })),
        (Command::End(_), State::Ended) => Err(Refusal::SessionEnded),
        (Command::End(_), State::Absent | State::Summed) => Err(Refusal::NoSuchSession),
        (Command::Sum(sum), State::Absent) => Ok(SessionEvent::RefusalsSummed(sum.clone())),
        (Command::Sum(_), State::Open(_) | State::Ended | State::Summed) => {
            Err(Refusal::AlreadySummed)
        }
    }
}

impl Aggregate for State {
    const NAME: &'static str = "session";
    type Event = SessionEvent;

    fn evolve(&mut self, event: &SessionEvent, _: &Envelope) {
        *self = match event {
            // An id that cannot be read is one that nobody wrote here.
            SessionEvent::SignedIn(signed_in) => {
                State::Open(Uuid::parse_str(&signed_in.user_id).unwrap_or_default())
            }
            SessionEvent::Ended(_) => State::Ended,
            SessionEvent::RefusalsSummed(_) => State::Summed,
        };
    }
}

#[cfg(test)]
mod tests {
    use eventlog::given::given;

    use super::*;

    const USER: Uuid = Uuid::from_u128(7);

    fn sign_in() -> Command {
        Command::SignIn(USER, SignInMethod::Password)
    }

    fn end() -> Command {
        Command::End(SessionEnd::SignedOut)
    }

    fn sum() -> Command {
        Command::Sum(summed())
    }

    fn summed() -> RefusalsSummed {
        RefusalsSummed {
            user_id: USER.to_string(),
            refused: 3,
            since: None,
            until: None,
        }
    }

    fn signed_in() -> SessionEvent {
        SessionEvent::SignedIn(SignedIn {
            user_id: USER.to_string(),
            method: SignInMethod::Password.into(),
        })
    }

    fn ended() -> SessionEvent {
        SessionEvent::Ended(SessionEnded {
            user_id: USER.to_string(),
            reason: SessionEnd::SignedOut.into(),
        })
    }

    #[test]
    fn a_session_begins_once_and_ends_once() {
        given::<State>([])
            .when(|s| decide(s, &sign_in()))
            .then(signed_in());
        given::<State>([signed_in()])
            .when(|s| decide(s, &end()))
            .then(ended());
        given::<State>([])
            .when(|s| decide(s, &end()))
            .refused(Refusal::NoSuchSession);
        given::<State>([signed_in(), ended()])
            .when(|s| decide(s, &end()))
            .refused(Refusal::SessionEnded);
        for past in [vec![signed_in()], vec![signed_in(), ended()]] {
            given::<State>(past)
                .when(|s| decide(s, &sign_in()))
                .refused(Refusal::SessionExists);
        }
    }

    #[test]
    fn an_hour_is_summed_once() {
        let done = || SessionEvent::RefusalsSummed(summed());
        given::<State>([]).when(|s| decide(s, &sum())).then(done());
        given::<State>([done()])
            .when(|s| decide(s, &sum()))
            .refused(Refusal::AlreadySummed);
        given::<State>([done()])
            .when(|s| decide(s, &end()))
            .refused(Refusal::NoSuchSession);
    }
}
