//! What this service writes to the log, each event its message of `chancery.notifier.v1`.

use api::notifier::v1;

eventlog::events! {
    /// What happens to a channel.
    pub enum ChannelEvent {
        /// There is somebody more to tell.
        Created("created"): v1::ChannelCreated = "chancery.notifier.v1.ChannelCreated",
        /// Its name, rule, addresses or secrets are others.
        Updated("updated"): v1::ChannelUpdated = "chancery.notifier.v1.ChannelUpdated",
        /// It is told no more.
        Deleted("deleted"): v1::ChannelDeleted = "chancery.notifier.v1.ChannelDeleted",
    }
}

eventlog::events! {
    /// What happens to an alert.
    pub enum AlertEvent {
        /// Somebody has to act.
        Raised("raised"): v1::AlertRaised = "chancery.notifier.v1.AlertRaised",
        /// A channel has taken a message about it.
        Notified("notified"): v1::AlertNotified = "chancery.notifier.v1.AlertNotified",
        /// A channel has not taken a message about it in time.
        NotifyFailed("notify-failed"): v1::AlertNotifyFailed = "chancery.notifier.v1.AlertNotifyFailed",
        /// It works again.
        Cleared("cleared"): v1::AlertCleared = "chancery.notifier.v1.AlertCleared",
    }
}

#[cfg(test)]
mod tests {
    use eventlog::EventBody;

    use super::*;

    /// A golden file is never edited: every later version must still read it, and write it so.
    fn golden<E: EventBody>(name: &str, json: &str) {
        let event = E::from_json(name, json.as_bytes()).unwrap();
        assert_eq!(event.name(), name);
        let written: serde_json::Value = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
        let kept: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(written, kept, "{name}");
    }

    #[test]
    fn every_event_ever_written_is_still_read() {
        type C = ChannelEvent;
        golden::<C>("created", include_str!("golden/channel.created.json"));
        golden::<C>("updated", include_str!("golden/channel.updated.json"));
        golden::<C>("deleted", include_str!("golden/channel.deleted.json"));
        type A = AlertEvent;
        golden::<A>("raised", include_str!("golden/alert.raised.json"));
        golden::<A>("notified", include_str!("golden/alert.notified.json"));
        golden::<A>(
            "notify-failed",
            include_str!("golden/alert.notify-failed.json"),
        );
        golden::<A>("cleared", include_str!("golden/alert.cleared.json"));
    }
}
