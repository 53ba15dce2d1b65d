//! The aggregate `tls`: who was given the keys of what is served.

use api::keystore::v1::ServingGranted;
use eventlog::{Aggregate, Envelope};

use crate::events::TlsEvent;

/// The one aggregate of its kind.
pub const ID: &str = "default";

/// Nothing is decided on what was granted before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State;

/// A gateway is about to be given keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its mTLS identity.
    pub gateway: String,
    /// How many certificates it is given at the start.
    pub certificates: u32,
}

/// Every session is an event: who may have keys at all is settled by mTLS before.
pub fn decide(_: &State, command: &Grant) -> TlsEvent {
    TlsEvent::ServingGranted(ServingGranted {
        gateway: command.gateway.clone(),
        certificates: command.certificates,
    })
}

impl Aggregate for State {
    const NAME: &'static str = "tls";
    type Event = TlsEvent;

    fn evolve(&mut self, _: &TlsEvent, _: &Envelope) {}
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use eventlog::given::given;

    use crate::samples;

    #[test]
    fn each_session_is_an_event_of_its_own() {
        let grant = Grant {
            gateway: "gateway".into(),
            certificates: 2,
        };
        given::<State>([samples::serving_granted()])
            .when(|s| Ok::<_, Infallible>(decide(s, &grant)))
            .then(samples::serving_granted());
    }
}
