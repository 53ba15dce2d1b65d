//! The aggregate `request`: a certificate request (PKCS#10), from the day that it is made until its
//! record is put away. Whether a certificate answers it is the keystore's to say; here it is noted.

use api::csr::v1::{RequestCreated, RequestDeleted, RequestFulfilled};
use eventlog::{Aggregate, Envelope};

use crate::{events::RequestEvent, refusal::Refusal};

/// What the log says about a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Nothing.
    #[default]
    Absent,
    /// It was made.
    Made(Box<Made>),
}

/// A request that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// How it was made.
    pub created: RequestCreated,
    /// What has become of it.
    pub standing: Standing,
}

/// What has become of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits for its certificate.
    Pending,
    /// Its certificate is here.
    Fulfilled,
    /// Its record was put away.
    Deleted,
}

impl State {
    /// The request, deleted or not, where there ever was one.
    pub fn made(&self) -> Option<&Made> {
        match self {
            Self::Absent => None,
            Self::Made(made) => Some(made),
        }
    }

    /// The request, where it is still there for people.
    ///
    /// # Errors
    /// [`Refusal::NoSuchRequest`] where it never was, [`Refusal::RequestDeleted`] where it was deleted.
    pub fn kept(&self) -> Result<&Made, Refusal> {
        let made = self.made().ok_or(Refusal::NoSuchRequest)?;
        match made.standing {
            Standing::Deleted => Err(Refusal::RequestDeleted),
            Standing::Pending | Standing::Fulfilled => Ok(made),
        }
    }
}

/// What can be asked of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Make it. Its name and key are reserved, and the key has signed.
    Create(Box<RequestCreated>),
    /// Note that this certificate answers it.
    Fulfil(RequestFulfilled),
    /// Put its record away. Where it was pending, its name and key were given up before.
    Delete,
}

/// What happens to the request.
///
/// # Errors
/// [`Refusal`]: a request is made once, answered once, and what was deleted stays so.
pub fn decide(state: &State, command: &Command) -> Result<RequestEvent, Refusal> {
    match command {
        Command::Create(created) => match state {
            State::Absent => Ok(RequestEvent::Created(RequestCreated::clone(created))),
            State::Made(_) => Err(Refusal::RequestExists),
        },
        Command::Fulfil(fulfilled) => {
            if state.kept()?.standing != Standing::Pending {
                return Err(Refusal::AlreadyFulfilled);
            }
            Ok(RequestEvent::Fulfilled(fulfilled.clone()))
        }
        Command::Delete => {
            state.kept()?;
            Ok(RequestEvent::Deleted(RequestDeleted {}))
        }
    }
}

impl Aggregate for State {
    const NAME: &'static str = "request";
    type Event = RequestEvent;

    fn evolve(&mut self, event: &RequestEvent, _: &Envelope) {
        let standing = match event {
            RequestEvent::Created(created) => {
                *self = Self::Made(Box::new(Made {
                    created: created.clone(),
                    standing: Standing::Pending,
                }));
                return;
            }
            RequestEvent::Fulfilled(_) => Standing::Fulfilled,
            RequestEvent::Deleted(_) => Standing::Deleted,
        };
        if let Self::Made(made) = self {
            made.standing = standing;
        }
    }
}

#[cfg(test)]
mod tests {
    use eventlog::given::given;

    use super::*;
    use crate::samples;

    fn create() -> Command {
        Command::Create(Box::new(samples::created()))
    }

    fn fulfil() -> Command {
        Command::Fulfil(samples::fulfilled())
    }

    fn created() -> RequestEvent {
        RequestEvent::Created(samples::created())
    }

    fn fulfilled() -> RequestEvent {
        RequestEvent::Fulfilled(samples::fulfilled())
    }

    fn deleted() -> RequestEvent {
        RequestEvent::Deleted(RequestDeleted {})
    }

    #[test]
    fn a_request_is_made_once() {
        given::<State>([])
            .when(|s| decide(s, &create()))
            .then(created());
        for past in [
            vec![created()],
            vec![created(), fulfilled()],
            vec![created(), deleted()],
        ] {
            given::<State>(past)
                .when(|s| decide(s, &create()))
                .refused(Refusal::RequestExists);
        }
    }

    #[test]
    fn a_pending_request_is_fulfilled_once() {
        given::<State>([created()])
            .when(|s| decide(s, &fulfil()))
            .then(fulfilled());
        given::<State>([created(), fulfilled()])
            .when(|s| decide(s, &fulfil()))
            .refused(Refusal::AlreadyFulfilled);
    }

    #[test]
    fn what_is_deleted_or_unknown_is_not_fulfilled() {
        given::<State>([])
            .when(|s| decide(s, &fulfil()))
            .refused(Refusal::NoSuchRequest);
        for past in [
            vec![created(), deleted()],
            vec![created(), fulfilled(), deleted()],
        ] {
            given::<State>(past)
                .when(|s| decide(s, &fulfil()))
                .refused(Refusal::RequestDeleted);
        }
    }

    #[test]
    fn a_request_is_deleted_whether_it_waits_or_not_and_only_once() {
        for past in [vec![created()], vec![created(), fulfilled()]] {
            given::<State>(past)
                .when(|s| decide(s, &Command::Delete))
                .then(deleted());
        }
        given::<State>([])
            .when(|s| decide(s, &Command::Delete))
            .refused(Refusal::NoSuchRequest);
        given::<State>([created(), deleted()])
            .when(|s| decide(s, &Command::Delete))
            .refused(Refusal::RequestDeleted);
    }

    #[test]
    fn a_deleted_request_still_says_what_it_was() {
        let state = given::<State>([created(), deleted()]).state();
        assert_eq!(state.made().unwrap().created, samples::created());
        assert_eq!(state.kept(), Err(Refusal::RequestDeleted));
    }
}
