//! The aggregate `tls`: which certificate is the default, and who was given the keys of what is served.

use api::keystore::v1::{DefaultCleared, DefaultSelected, ServingGranted};
use eventlog::{Aggregate, Envelope};

use crate::{events::TlsEvent, refusal::Refusal};

/// The one aggregate of its kind.
pub const ID: &str = "default";

/// What the log says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The certificate that answers what no name answers, where one was chosen.
    pub default: Option<String>,
    /// Where the log has that choice, or that there is none any more.
    pub decided: u64,
}

/// What can be asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A gateway is about to be given keys.
    Grant {
        /// Its mTLS identity.
        gateway: String,
        /// How many certificates it is given at the start.
        certificates: u32,
    },
    /// Let this certificate be the default. It was found to be fit for that.
    Select {
        /// Its id.
        certificate_id: String,
    },
    /// Let none be the default.
    Clear,
}

/// What happens. Every session is an event: who may have keys at all is settled by mTLS before.
///
/// # Errors
/// [`Refusal::DefaultUnchanged`].
pub fn decide(state: &State, command: &Command) -> Result<TlsEvent, Refusal> {
    match command {
        Command::Grant {
            gateway,
            certificates,
        } => Ok(TlsEvent::ServingGranted(ServingGranted {
            gateway: gateway.clone(),
            certificates: *certificates,
        })),
        Command::Select { certificate_id } if state.default.as_ref() == Some(certificate_id) => {
            Err(Refusal::DefaultUnchanged)
        }
        Command::Select { certificate_id } => Ok(TlsEvent::DefaultSelected(DefaultSelected {
            certificate_id: certificate_id.clone(),
        })),
        Command::Clear if state.default.is_none() => Err(Refusal::DefaultUnchanged),
        Command::Clear => Ok(TlsEvent::DefaultCleared(DefaultCleared {})),
    }
}

impl Aggregate for State {
    const NAME: &'static str = "tls";
    type Event = TlsEvent;

    fn evolve(&mut self, event: &TlsEvent, recorded: &Envelope) {
        self.default = match event {
            TlsEvent::ServingGranted(_) => return,
            TlsEvent::DefaultSelected(selected) => Some(selected.certificate_id.clone()),
            TlsEvent::DefaultCleared(_) => None,
        };
        self.decided = recorded.sequence;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventlog::given::given;

    use crate::samples;

    #[test]
    fn each_session_is_an_event_of_its_own() {
        let grant = Command::Grant {
            gateway: "gateway".into(),
            certificates: 2,
        };
        given::<State>([samples::serving_granted()])
            .when(|s| decide(s, &grant))
            .then(samples::serving_granted());
    }

    #[test]
    fn a_default_is_chosen_once_and_cleared_once() {
        let select = Command::Select {
            certificate_id: samples::CERTIFICATE.into(),
        };
        given::<State>([samples::serving_granted()])
            .when(|s| decide(s, &select))
            .then(samples::default_selected());
        given::<State>([samples::default_selected(), samples::serving_granted()])
            .when(|s| decide(s, &select))
            .refused(Refusal::DefaultUnchanged);
        given::<State>([samples::default_selected()])
            .when(|s| decide(s, &Command::Clear))
            .then(samples::default_cleared());
        given::<State>([samples::default_selected(), samples::default_cleared()])
            .when(|s| decide(s, &Command::Clear))
            .refused(Refusal::DefaultUnchanged);
    }
}
