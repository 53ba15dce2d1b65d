//! An account at an ACME server: aggregate `acme-server`.

use api::acme::v1::{AccountKeyRolled, ServerContactUpdated, ServerDeactivated, ServerRegistered};
use eventlog::{Aggregate, Envelope};

use crate::{claims::Named, events::ServerEvent as Event};

/// What the log says about one server.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Server {
    /// Nothing: there is no such server.
    #[default]
    Unknown,
    /// The account is there, and usable until it is deactivated.
    Registered(Box<Registered>),
}

/// A server with an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// What was registered, with the key that the account has now.
    pub what: ServerRegistered,
    /// The log's position of the registration.
    pub position: u64,
    /// The account has ended at the CA.
    pub deactivated: bool,
}

impl Server {
    /// What was registered, be it usable still or not.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn registered(&self) -> Result<&Registered, Refusal> {
        match self {
            Self::Unknown => Err(Refusal::NotFound),
            Self::Registered(registered) => Ok(registered),
        }
    }

    /// What was registered, where the account can be used.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Deactivated`].
    pub fn usable(&self) -> Result<&Registered, Refusal> {
        let registered = self.registered()?;
        match registered.deactivated {
            false => Ok(registered),
            true => Err(Refusal::Deactivated),
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
                    deactivated: false,
                }));
            }
            Event::AccountKeyRolled(rolled) => {
                if let Self::Registered(registered) = self {
                    let thumbprint = &rolled.account_key_thumbprint;
                    registered
                        .what
                        .account_key_thumbprint
                        .clone_from(thumbprint);
                }
            }
            Event::Deactivated(_) => {
                if let Self::Registered(registered) = self {
                    registered.deactivated = true;
                }
            }
            // The addresses are not in the log.
            Event::ContactUpdated(_) => {}
        }
    }
}

impl Named for Server {
    /// A server that was deactivated leaves its name to others.
    fn name(&self) -> Option<&str> {
        self.usable().ok().map(|r| r.what.name.as_str())
    }
}

/// What can be asked of a server.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// The CA has made the account: keep that.
    Register(Box<ServerRegistered>),
    /// The CA has taken so many contact addresses: keep that.
    UpdateContact(u32),
    /// The CA knows the key with this thumbprint now: keep that.
    RollKey(String),
    /// The CA has ended the account: keep that.
    Deactivate,
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
    /// Its account has ended.
    #[error("this server was deactivated: its account has ended at the CA; register it again")]
    Deactivated,
}

/// Decides on one command.
///
/// # Errors
/// What the rules say against it.
pub fn decide(state: &Server, command: Command) -> Result<Event, Refusal> {
    match command {
        Command::Register(what) => match state {
            Server::Unknown => Ok(Event::Registered(*what)),
            Server::Registered(_) => Err(Refusal::AlreadyRegistered),
        },
        Command::UpdateContact(contacts) => {
            state.usable()?;
            Ok(Event::ContactUpdated(ServerContactUpdated { contacts }))
        }
        Command::RollKey(account_key_thumbprint) => {
            state.usable()?;
            Ok(Event::AccountKeyRolled(AccountKeyRolled {
                account_key_thumbprint,
            }))
        }
        Command::Deactivate => {
            state.usable()?;
            Ok(Event::Deactivated(ServerDeactivated {}))
        }
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
            .when(|s| decide(s, Command::Register(Box::new(account()))))
            .then(Event::Registered(account()));
        given::<Server>([Event::Registered(account())])
            .when(|s| decide(s, Command::Register(Box::new(account()))))
            .refused(Refusal::AlreadyRegistered);
    }

    #[test]
    fn a_key_is_rolled_and_the_newest_one_counts() {
        let rolled = |thumbprint: &str| {
            Event::AccountKeyRolled(AccountKeyRolled {
                account_key_thumbprint: thumbprint.into(),
            })
        };
        given::<Server>([Event::Registered(account())])
            .when(|s| decide(s, Command::RollKey("two".into())))
            .then(rolled("two"));
        let server = given::<Server>([
            Event::Registered(account()),
            rolled("two"),
            Event::ContactUpdated(ServerContactUpdated { contacts: 1 }),
        ]);
        let server = server.state();
        let what = &server.usable().unwrap().what;
        assert_eq!(what.account_key_thumbprint, "two");
        assert_eq!(server.name(), Some("Test CA"));
    }

    #[test]
    fn a_deactivated_server_is_still_known_and_does_nothing_more() {
        let commands = [
            Command::UpdateContact(1),
            Command::RollKey("two".into()),
            Command::Deactivate,
        ];
        let ended = [
            Event::Registered(account()),
            Event::Deactivated(ServerDeactivated {}),
        ];
        for command in commands {
            given::<Server>(ended.clone())
                .when(|s| decide(s, command.clone()))
                .refused(Refusal::Deactivated);
            given::<Server>([])
                .when(|s| decide(s, command.clone()))
                .refused(Refusal::NotFound);
        }
        let server = given::<Server>(ended).state();
        assert!(server.registered().unwrap().deactivated);
        assert_eq!(server.name(), None);
    }

    #[test]
    fn a_server_that_nobody_registered_is_not_found() {
        assert_eq!(Server::default().registered(), Err(Refusal::NotFound));
        let server = given::<Server>([Event::Registered(account())]).state();
        assert_eq!(server.registered().unwrap().position, 1);
    }
}
