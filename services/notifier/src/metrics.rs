//! What is counted of messages, and which alerts are up.

use api::notifier::v1::{ChannelKind, MessageKind};
use runtime::{
    Clock,
    metrics::{Collect, CollectError, Metric, queue},
};
use sea_orm::DatabaseConnection;

use crate::{alert, dispatch::outbox};

/// All of it.
pub const METRICS: &[Metric] = &[MESSAGES, ALERTS];

/// What became of a message for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Delivered,
    /// It was not taken, and is tried again.
    Postponed,
    /// It has outlived its use.
    GivenUp,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Delivered, Self::Postponed, Self::GivenUp];

    fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Postponed => "postponed",
            Self::GivenUp => "given-up",
        }
    }
}

/// A message to a channel of this kind has come so far.
pub fn message(kind: ChannelKind, outcome: Outcome) {
    count(kind, outcome, 1);
}

fn count(kind: ChannelKind, outcome: Outcome, more: u64) {
    let (kind, outcome) = (word(kind.as_str_name(), "CHANNEL_KIND_"), outcome.as_str());
    ::metrics::counter!(MESSAGES.name, "kind" => kind, "outcome" => outcome).increment(more);
}

/// What is up, and what waits in the service's tables.
pub struct Standing {
    /// The service's name.
    pub service: &'static str,
    /// Where the tables are.
    pub database: DatabaseConnection,
    /// The time.
    pub clock: Clock,
}

#[async_trait::async_trait]
impl Collect for Standing {
    async fn refresh(&self) -> Result<(), CollectError> {
        // They are there before the first message: an alarm needs something that grows.
        for kind in [ChannelKind::Email, ChannelKind::Webhook] {
            for outcome in Outcome::ALL {
                count(kind, outcome, 0);
            }
        }
        queue(
            self.service,
            "messages",
            outbox::count(&self.database).await?,
        );
        let alerts = alert::row::told_of(&self.database, self.clock.now()).await?;
        let up = alerts.iter().filter_map(|(_, state)| state.up());
        let up = up.map(|raised| raised.what.kind()).collect::<Vec<_>>();
        for kind in RAISED {
            let count = up.iter().filter(|up| **up == kind).count();
            let kind = word(kind.as_str_name(), "MESSAGE_KIND_");
            ::metrics::gauge!(ALERTS.name, "kind" => kind).set(count as f64);
        }
        Ok(())
    }
}

/// "MESSAGE_KIND_RENEWAL_FAILING" as people read it: "renewal-failing".
fn word(name: &str, prefix: &str) -> String {
    let name = name.strip_prefix(prefix).unwrap_or(name);
    name.to_ascii_lowercase().replace('_', "-")
}

/// The kinds that stay up until something changes.
const RAISED: [MessageKind; 9] = [
    MessageKind::CertificateExpiring,
    MessageKind::CertificateExpired,
    MessageKind::RenewalFailing,
    MessageKind::RenewalAbsent,
    MessageKind::IssuanceFailed,
    MessageKind::RenewalFailed,
    MessageKind::DeliveryFailing,
    MessageKind::TablesStopped,
    MessageKind::LogDamaged,
];

const MESSAGES: Metric = Metric::counter(
    "chancery_notifications_total",
    &["kind", "outcome"],
    "Messages to channels, by the channel's kind: delivered, postponed (not taken, tried again), given-up (not taken for a day).",
);

const ALERTS: Metric = Metric::gauge(
    "chancery_alerts",
    &["kind"],
    "Alerts that are up, by kind; what each means stands in notifications.md.",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_called_as_people_read_it() {
        let name = MessageKind::RenewalFailing.as_str_name();
        assert_eq!(word(name, "MESSAGE_KIND_"), "renewal-failing");
        assert_eq!(
            word(ChannelKind::Email.as_str_name(), "CHANNEL_KIND_"),
            "email"
        );
    }
}
