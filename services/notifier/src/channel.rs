//! The aggregate `channel`: somebody to tell. Its addresses and secrets are not in the log.

use api::notifier::v1::{ChannelCreated, ChannelDeleted, ChannelKind, ChannelUpdated, Rule};
use eventlog::{Aggregate, Envelope};

use crate::{events::ChannelEvent, refusal::Refusal};

/// What the log says about a channel.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Nothing.
    #[default]
    Absent,
    /// It is there.
    Open(Channel),
    /// It was deleted.
    Deleted,
}

/// A channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// What people call it.
    pub name: String,
    /// How it delivers.
    pub kind: ChannelKind,
    /// What it is told.
    pub rule: Rule,
}

impl State {
    /// The channel, while it is there.
    ///
    /// # Errors
    /// [`Refusal::NoSuchChannel`] where it is not.
    pub fn open(&self) -> Result<&Channel, Refusal> {
        match self {
            Self::Open(channel) => Ok(channel),
            Self::Absent | Self::Deleted => Err(Refusal::NoSuchChannel),
        }
    }
}

/// What can be asked of a channel.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Make it.
    Create(ChannelCreated),
    /// Set it anew; of the kind that it has.
    Update(ChannelUpdated, ChannelKind),
    /// Delete it.
    Delete,
}

/// What happens to the channel.
///
/// # Errors
/// [`Refusal`]: what is not there cannot be changed, and a kind stays what it is.
pub fn decide(state: &State, command: &Command) -> Result<ChannelEvent, Refusal> {
    match command {
        Command::Create(created) => match state {
            State::Absent => Ok(ChannelEvent::Created(created.clone())),
            State::Open(_) | State::Deleted => Err(Refusal::ChannelExists),
        },
        Command::Update(updated, kind) => {
            if state.open()?.kind != *kind {
                return Err(Refusal::OtherKind);
            }
            Ok(ChannelEvent::Updated(updated.clone()))
        }
        Command::Delete => {
            state.open()?;
            Ok(ChannelEvent::Deleted(ChannelDeleted {}))
        }
    }
}

impl Aggregate for State {
    const NAME: &'static str = "channel";
    type Event = ChannelEvent;

    fn evolve(&mut self, event: &ChannelEvent, _: &Envelope) {
        match event {
            ChannelEvent::Created(created) => {
                *self = Self::Open(Channel {
                    name: created.name.clone(),
                    kind: created.kind(),
                    rule: created.rule.clone().unwrap_or_default(),
                });
            }
            ChannelEvent::Updated(updated) => {
                if let Self::Open(channel) = self {
                    channel.name.clone_from(&updated.name);
                    channel.rule = updated.rule.clone().unwrap_or_default();
                }
            }
            ChannelEvent::Deleted(_) => *self = Self::Deleted,
        }
    }
}

#[cfg(test)]
mod tests {
    use eventlog::given::given;

    use super::*;

    fn created() -> ChannelCreated {
        ChannelCreated {
            name: "ops".into(),
            kind: ChannelKind::Email.into(),
            rule: Some(Rule::default()),
        }
    }

    fn updated() -> ChannelUpdated {
        ChannelUpdated {
            name: "night".into(),
            rule: Some(Rule {
                digest: true,
                ..Rule::default()
            }),
        }
    }

    #[test]
    fn a_channel_is_made_once() {
        let create = Command::Create(created());
        given::<State>([])
            .when(|s| decide(s, &create))
            .then(ChannelEvent::Created(created()));
        for past in [
            vec![ChannelEvent::Created(created())],
            vec![
                ChannelEvent::Created(created()),
                ChannelEvent::Deleted(ChannelDeleted {}),
            ],
        ] {
            given::<State>(past)
                .when(|s| decide(s, &create))
                .refused(Refusal::ChannelExists);
        }
    }

    #[test]
    fn a_channel_keeps_its_kind() {
        let update = |kind| Command::Update(updated(), kind);
        given::<State>([ChannelEvent::Created(created())])
            .when(|s| decide(s, &update(ChannelKind::Email)))
            .then(ChannelEvent::Updated(updated()));
        given::<State>([ChannelEvent::Created(created())])
            .when(|s| decide(s, &update(ChannelKind::Webhook)))
            .refused(Refusal::OtherKind);
        let events = [
            ChannelEvent::Created(created()),
            ChannelEvent::Updated(updated()),
        ];
        let state = given::<State>(events).state();
        let channel = state.open().unwrap();
        assert_eq!(
            (channel.name.as_str(), channel.rule.digest),
            ("night", true)
        );
    }

    #[test]
    fn what_is_gone_is_not_changed() {
        let deleted = ChannelEvent::Deleted(ChannelDeleted {});
        for past in [
            vec![],
            vec![ChannelEvent::Created(created()), deleted.clone()],
        ] {
            for command in [
                Command::Delete,
                Command::Update(updated(), ChannelKind::Email),
            ] {
                given::<State>(past.clone())
                    .when(|s| decide(s, &command))
                    .refused(Refusal::NoSuchChannel);
            }
        }
        given::<State>([ChannelEvent::Created(created())])
            .when(|s| decide(s, &Command::Delete))
            .then(deleted);
    }
}
