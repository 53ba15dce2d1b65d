//! The rows of channels and alerts that a batch touches. What is sent about an alert is a matter of the
//! channel too.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbErr};

use super::write;
use crate::{
    events::{AlertEvent, ChannelEvent, Event},
    tables::{Unusable, alert, channel},
};

/// The rows, by id.
#[derive(Debug, Default)]
pub(super) struct Notifications {
    channels: BTreeMap<String, channel::Model>,
    alerts: BTreeMap<String, alert::Model>,
}

impl Notifications {
    /// The rows that these events build on, as they are now.
    pub(super) async fn load<'a>(
        tx: &impl ConnectionTrait,
        events: impl Iterator<Item = (&'a str, &'a Event)>,
    ) -> Result<Self, DbErr> {
        let (mut channels, mut alerts) = (BTreeSet::new(), BTreeSet::new());
        for (id, event) in events {
            match event {
                Event::Channel(_) => {
                    channels.insert(id.to_owned());
                }
                Event::Alert(event) => {
                    alerts.insert(id.to_owned());
                    channels.extend(channel_of(event).map(str::to_owned));
                }
                _ => {}
            }
        }
        let channels = Vec::from_iter(channels);
        let channels = write::load::<channel::Entity>(tx, channel::Column::Id, channels).await?;
        let alerts = Vec::from_iter(alerts);
        let alerts = write::load::<alert::Entity>(tx, alert::Column::Id, alerts).await?;
        Ok(Self {
            channels: write::by_id(channels, |row| &row.id),
            alerts: write::by_id(alerts, |row| &row.id),
        })
    }

    /// Takes in one event of a channel, in the log's order.
    pub(super) fn take_channel(
        &mut self,
        id: &str,
        event: ChannelEvent,
        at: i64,
    ) -> Result<(), Unusable> {
        let before = self.channels.remove(id);
        let row = channel::Model::after(before, id, event, at)?;
        self.channels.insert(id.to_owned(), row);
        Ok(())
    }

    /// Likewise of an alert. A channel that is not known any more is told nothing.
    pub(super) fn take_alert(
        &mut self,
        id: &str,
        event: AlertEvent,
        at: i64,
    ) -> Result<(), Unusable> {
        let before = self.alerts.remove(id);
        let row = alert::Model::after(before, id, &event, at)?;
        self.alerts.insert(id.to_owned(), row);
        let channel = channel_of(&event).and_then(|id| self.channels.get_mut(id));
        match (channel, event) {
            (Some(channel), AlertEvent::Notified(_)) => channel.last_notified = at,
            (Some(channel), AlertEvent::NotifyFailed(failed)) => {
                channel.last_failed = at;
                channel.last_failure = failed.reason;
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes all rows.
    pub(super) async fn store(self, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
        write::put::<channel::Entity>(tx, self.channels.into_values()).await?;
        write::put::<alert::Entity>(tx, self.alerts.into_values()).await
    }
}

/// The channel that an event tells of.
fn channel_of(event: &AlertEvent) -> Option<&str> {
    match event {
        AlertEvent::Notified(event) => Some(&event.channel_id),
        AlertEvent::NotifyFailed(event) => Some(&event.channel_id),
        AlertEvent::Raised(_) | AlertEvent::Cleared(_) => None,
    }
}
