//! Who writes TXT records for us: aggregate `dns-provider`.

use api::acme::v1::{DnsProviderAdded, DnsProviderRemoved};
use eventlog::{Aggregate, Envelope};

use crate::{claims::Named, events::DnsProviderEvent as Event};

/// What the log says about one DNS provider.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum DnsProvider {
    /// Nothing: there is no such provider.
    #[default]
    Unknown,
    /// It may write records.
    Added(DnsProviderAdded),
    /// It was there, and is forgotten.
    Removed(DnsProviderAdded),
}

impl DnsProvider {
    /// What was added, where it is still there.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn added(&self) -> Result<&DnsProviderAdded, Refusal> {
        match self {
            Self::Added(what) => Ok(what),
            Self::Unknown | Self::Removed(_) => Err(Refusal::NotFound),
        }
    }
}

impl Aggregate for DnsProvider {
    const NAME: &'static str = "dns-provider";
    type Event = Event;

    fn evolve(&mut self, event: &Event, _: &Envelope) {
        match event {
            Event::Added(what) => *self = Self::Added(what.clone()),
            Event::Removed(_) => {
                if let Self::Added(what) = std::mem::take(self) {
                    *self = Self::Removed(what);
                }
            }
        }
    }
}

impl Named for DnsProvider {
    fn name(&self) -> Option<&str> {
        self.added().ok().map(|added| added.name.as_str())
    }
}

/// What can be asked of a DNS provider.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Keep it; its secrets are sealed already.
    Add(DnsProviderAdded),
    /// Forget it; nothing uses it.
    Remove,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody added it, or it was removed.
    #[error("there is no such DNS provider")]
    NotFound,
    /// It was added before.
    #[error("this DNS provider is there already")]
    AlreadyAdded,
}

/// Decides on one command.
///
/// # Errors
/// What the rules say against it.
pub fn decide(state: &DnsProvider, command: Command) -> Result<Event, Refusal> {
    match (state, command) {
        (DnsProvider::Unknown, Command::Add(what)) => Ok(Event::Added(what)),
        (DnsProvider::Added(_) | DnsProvider::Removed(_), Command::Add(_)) => {
            Err(Refusal::AlreadyAdded)
        }
        (DnsProvider::Added(_), Command::Remove) => Ok(Event::Removed(DnsProviderRemoved {})),
        (DnsProvider::Unknown | DnsProvider::Removed(_), Command::Remove) => Err(Refusal::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventlog::given::given;

    fn home() -> DnsProviderAdded {
        DnsProviderAdded {
            name: "home".into(),
            kind: "rfc2136".into(),
            ..DnsProviderAdded::default()
        }
    }

    #[test]
    fn a_provider_is_added_once_and_removed_once() {
        let removed = Event::Removed(DnsProviderRemoved {});
        given::<DnsProvider>([])
            .when(|s| decide(s, Command::Add(home())))
            .then(Event::Added(home()));
        given::<DnsProvider>([Event::Added(home())])
            .when(|s| decide(s, Command::Add(home())))
            .refused(Refusal::AlreadyAdded);
        given::<DnsProvider>([Event::Added(home())])
            .when(|s| decide(s, Command::Remove))
            .then(removed.clone());
        for gone in [vec![], vec![Event::Added(home()), removed]] {
            given::<DnsProvider>(gone)
                .when(|s| decide(s, Command::Remove))
                .refused(Refusal::NotFound);
        }
    }

    #[test]
    fn its_name_is_free_once_it_is_removed() {
        let added = given::<DnsProvider>([Event::Added(home())]).state();
        assert_eq!(added.name(), Some("home"));
        let removed = Event::Removed(DnsProviderRemoved {});
        let removed = given::<DnsProvider>([Event::Added(home()), removed]).state();
        assert_eq!(removed.name(), None);
    }
}
