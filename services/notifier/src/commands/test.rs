//! TestChannel.

use api::notifier::v1::{MessageKind, Severity};
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{
    dispatch::outbox,
    item::{About, Item},
    letter,
    refusal::Refusal,
    roster::Recipient,
    watch::{Watched, deadline, trouble},
};

impl Commands {
    /// Sends a test message now: what the other side answered. What waits for the channel is tried again where it
    /// took it.
    ///
    /// # Errors
    /// [`Refusal::NotTaken`] with the other side's own words, which are for the person who asks alone.
    pub async fn test(&self, asked: &str) -> Result<String, CommandError> {
        let (id, channel, _) = self.find(asked).await?;
        let now = self.clock.now();
        let items = [Item {
            about: About::Test,
            kind: MessageKind::Unspecified,
            severity: Severity::Info,
            subject_kind: "channel".into(),
            subject_id: id.to_string(),
            name: channel.name.clone(),
            message: "Somebody has asked for this message, to see whether it arrives.".into(),
            advice: "There is nothing to do.".into(),
            deadline: None,
            since: now,
        }];
        let letter = letter::write(&items, &self.manners.calendar, now);
        let to = Recipient { id, channel };
        let sent = self
            .deliverer
            .deliver(&to, Uuid::new_v4(), &letter, &items, now)
            .await;
        match sent {
            Ok(answer) => {
                if trouble::forget(&self.database, id).await? {
                    deadline::mark(&self.database, Watched::Channel, id, now).await?;
                    outbox::hurry(&self.database, id, now).await?;
                    self.changed.send_modify(|n| *n += 1);
                }
                Ok(answer)
            }
            Err(error) => {
                let words = error.answer.map(|answer| format!(" ({answer})"));
                let why = format!("{}{}", error.reason, words.unwrap_or_default());
                Err(Refusal::NotTaken(why).into())
            }
        }
    }
}
