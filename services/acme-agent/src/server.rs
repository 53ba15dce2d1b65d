//! An account at an ACME server: aggregate `acme-server`.

use api::acme::v1::ServerRegistered;
use eventlog::{Aggregate, Envelope};

use crate::{claims::Named, events::ServerEvent as Event};

/// What the log says about one server.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Server {
    /// Nothing: there is no such server.
    #[default]
    Unknown,
    /// The account is there, and usable.
    Registered(Box<Registered>),
}

/// A server with an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// What was registered.
    pub what: ServerRegistered,
    /// The log's position of the registration.
    pub position: u64,
}

impl Server {
    /// What was registered.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn registered(&self) -> Result<&Registered, Refusal> {
        match self {
            Self::Unknown => Err(Refusal::NotFound),
            Self::Registered(registered) => Ok(registered),
        }
    }
}

impl Aggregate for Server {
    const NAME: &'static str = "acme-server";
    type Event = Event;

    fn evolve(&mut self, event: &Event, recorded: &Envelope) {
        match event {
            Event::Registered(what) => {
                *self = Self::Registered(Box::new(Registered {
                    what: what.clone(),
                    position: recorded.sequence,
                }));
            }
            Event::ContactUpdated(_) | Event::AccountKeyRolled(_) | Event::Deactivated(_) => {}
        }
    }
}

impl Named for Server {
    fn name(&self) -> Option<&str> {
        self.registered().ok().map(|r| r.what.name.as_str())
    }
}

/// What can be asked of a server.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// The CA has made the account: keep that.
    Register(ServerRegistered),
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody registered it.
    #[error("there is no such server")]
    NotFound,
    /// This very server has its account.
    #[error("this server is registered")]
    AlreadyRegistered,
}

/// Decides on one command.
///
/// # Errors
/// What the rules say against it.
pub fn decide(state: &Server, command: Command) -> Result<Event, Refusal> {
    let Command::Register(what) = command;
    match state {
        Server::Unknown => Ok(Event::Registered(what)),
        Server::Registered(_) => Err(Refusal::AlreadyRegistered),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventlog::given::given;

    fn account() -> ServerRegistered {
        ServerRegistered {
            name: "Test CA".into(),
            account_url: "https://ca.example/acct/1".into(),
            ..ServerRegistered::default()
        }
    }

    #[test]
    fn an_account_is_registered_once() {
        given::<Server>([])
            .when(|s| decide(s, Command::Register(account())))
            .then(Event::Registered(account()));
        given::<Server>([Event::Registered(account())])
            .when(|s| decide(s, Command::Register(account())))
            .refused(Refusal::AlreadyRegistered);
    }

    #[test]
    fn a_server_that_nobody_registered_is_not_found() {
        assert_eq!(Server::default().registered(), Err(Refusal::NotFound));
        let server = given::<Server>([Event::Registered(account())]).state();
        assert_eq!(server.registered().unwrap().position, 1);
    }
}
