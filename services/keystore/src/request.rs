//! What the keystore has to know of csr-service's aggregate `request`: whether it waits for an answer.

use eventlog::{Aggregate, Envelope};

eventlog::events! {
    /// What happens to a certificate request.
    pub enum RequestEvent {
        /// It was made.
        Created("created"): api::csr::v1::RequestCreated = "chancery.csr.v1.RequestCreated",
        /// A certificate answered it.
        Fulfilled("fulfilled"): api::csr::v1::RequestFulfilled = "chancery.csr.v1.RequestFulfilled",
        /// Nobody waits any more.
        Deleted("deleted"): api::csr::v1::RequestDeleted = "chancery.csr.v1.RequestDeleted",
    }
}

/// What the log says about a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    #[default]
    Absent,
    /// It waits for its certificate.
    Pending {
        /// What people call it.
        friendly_name: String,
    },
    /// It does not wait any more.
    Settled,
}

impl State {
    /// Whether it waits, and has this name.
    pub fn is_pending_as(&self, name: &str) -> bool {
        matches!(self, Self::Pending { friendly_name } if friendly_name == name)
    }
}

impl Aggregate for State {
    const NAME: &'static str = "request";
    type Event = RequestEvent;

    fn evolve(&mut self, event: &RequestEvent, _: &Envelope) {
        *self = match event {
            RequestEvent::Created(created) => Self::Pending {
                friendly_name: created.friendly_name.clone(),
            },
            RequestEvent::Fulfilled(_) | RequestEvent::Deleted(_) => Self::Settled,
        };
    }
}
