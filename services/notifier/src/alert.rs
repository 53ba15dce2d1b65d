//! The aggregate `alert`: something about one subject that wants somebody, who was told of it, and that
//! it is over. It may be raised again: then it says something new, or has come back.

pub mod row;

use std::collections::BTreeMap;

use api::{
    convert,
    notifier::v1::{AlertCleared, AlertNotified, AlertNotifyFailed, AlertRaised, MessageKind},
};
use eventlog::{Aggregate, Envelope};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::events::AlertEvent;

/// What the log says about an alert.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// What it says; nothing where it was never raised.
    pub raised: Option<Raised>,
    /// How it ended; nothing while it is up.
    pub cleared: Option<Cleared>,
    /// What became of it at each channel since it came up.
    pub told: BTreeMap<String, Told>,
}

/// What an alert says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Raised {
    /// The event.
    pub what: AlertRaised,
    /// When it was raised.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cleared {
    /// One sentence.
    pub message: String,
    /// Another has taken its place.
    pub superseded: bool,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// What became of it at one channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The last day on which it was told, or given up: "2026-11-25".
    pub day: String,
    /// Which alert it was told of: the moment since when that is so, in seconds.
    pub since: i64,
    /// It has taken a message.
    pub heard: bool,
    /// It was told that it is over, or that was given up.
    pub all_clear: bool,
}

impl Raised {
    /// Since when it is so.
    pub fn since(&self) -> OffsetDateTime {
        since_of(&self.what).unwrap_or(self.at)
    }

    /// Whether it is told again each day.
    pub fn is_daily(&self) -> bool {
        is_daily(self.what.kind())
    }
}

impl State {
    /// What it says, while it is up.
    pub fn up(&self) -> Option<&Raised> {
        self.raised.as_ref().filter(|_| self.cleared.is_none())
    }
}

/// The id of the alert of this kind about this subject: every replica finds the same one.
pub fn id(subject_kind: &str, subject_id: &str, kind: MessageKind) -> Uuid {
    let name = format!("{subject_kind}/{subject_id}/{}", kind.as_str_name());
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

/// What is told each day until it is over.
pub fn is_daily(kind: MessageKind) -> bool {
    matches!(
        kind,
        MessageKind::RenewalFailing | MessageKind::RenewalAbsent
    )
}

/// What can be asked of an alert.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Somebody has to act.
    Raise(AlertRaised),
    /// A channel has taken a message about it.
    Notified(AlertNotified),
    /// A channel has not.
    NotifyFailed(AlertNotifyFailed),
    /// It is over.
    Clear(AlertCleared),
}

/// Why nothing happens to an alert: somebody else has seen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Moot {
    /// It is up, and says this.
    #[error("the alert is up and says so already")]
    SaysSo,
    /// It is not up.
    #[error("the alert is not up")]
    NotUp,
    /// The channel was told.
    #[error("the channel was told already")]
    ToldAlready,
}

/// What happens to the alert.
///
/// # Errors
/// [`Moot`] where there is nothing to do: two that decide alike raise, tell and clear once.
pub fn decide(state: &State, command: &Command) -> Result<AlertEvent, Moot> {
    match command {
        Command::Raise(raise) => match state.up() {
            Some(up) if !is_news(&up.what, raise) => Err(Moot::SaysSo),
            Some(_) | None => Ok(AlertEvent::Raised(raise.clone())),
        },
        Command::Notified(told) => {
            may_tell(state, &told.channel_id, &told.day, told.all_clear)?;
            Ok(AlertEvent::Notified(told.clone()))
        }
        Command::NotifyFailed(failed) => {
            let over = state.cleared.is_some();
            may_tell(state, &failed.channel_id, &failed.day, over)?;
            Ok(AlertEvent::NotifyFailed(failed.clone()))
        }
        Command::Clear(clear) => {
            state.up().ok_or(Moot::NotUp)?;
            Ok(AlertEvent::Cleared(clear.clone()))
        }
    }
}

/// Whether this says something that the alert does not say yet. It never goes back to an older mark.
fn is_news(up: &AlertRaised, raise: &AlertRaised) -> bool {
    let (old, new) = (since_of(up), since_of(raise));
    new > old || new == old && (up.message != raise.message || up.deadline != raise.deadline)
}

fn may_tell(state: &State, channel: &str, day: &str, all_clear: bool) -> Result<(), Moot> {
    let raised = state.raised.as_ref().ok_or(Moot::NotUp)?;
    let Some(told) = state.told.get(channel) else {
        return Ok(());
    };
    let done = match all_clear {
        true => told.all_clear,
        false => {
            let same = told.since == raised.since().unix_timestamp();
            told.day == day || same && !raised.is_daily()
        }
    };
    if done {
        return Err(Moot::ToldAlready);
    }
    Ok(())
}

fn since_of(raised: &AlertRaised) -> Option<OffsetDateTime> {
    raised.since.as_ref().and_then(convert::time)
}

impl State {
    fn tell(&mut self, channel: &str, day: &str, heard: bool, all_clear: bool) {
        let since = self.raised.as_ref().map(|r| r.since().unix_timestamp());
        let told = self.told.entry(channel.to_owned()).or_default();
        day.clone_into(&mut told.day);
        told.since = since.unwrap_or_default();
        told.heard |= heard;
        told.all_clear |= all_clear;
    }
}

impl Aggregate for State {
    const NAME: &'static str = "alert";
    type Event = AlertEvent;

    fn evolve(&mut self, event: &AlertEvent, recorded: &Envelope) {
        match event {
            AlertEvent::Raised(what) => {
                if self.cleared.take().is_some() {
                    // It has come back: everybody is told anew.
                    self.told.clear();
                }
                self.raised = Some(Raised {
                    what: what.clone(),
                    at: recorded.time,
                });
            }
            AlertEvent::Notified(told) => {
                self.tell(&told.channel_id, &told.day, true, told.all_clear);
            }
            AlertEvent::NotifyFailed(failed) => {
                let over = self.cleared.is_some();
                self.tell(&failed.channel_id, &failed.day, false, over);
            }
            AlertEvent::Cleared(cleared) => {
                self.cleared = Some(Cleared {
                    message: cleared.message.clone(),
                    superseded: cleared.superseded,
                    at: recorded.time,
                });
            }
        }
    }
}

/// Under which the names of alerts are made into ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x2f0c_7a51_93d4_4b6e_8c1d_5e02_a9f7_b348);

#[cfg(test)]
mod tests;
