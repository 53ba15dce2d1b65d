//! One channel's desk: what the channel is owed becomes messages, and the messages are sent.

use std::{collections::HashSet, sync::Arc};

use api::notifier::v1::{AlertNotified, AlertNotifyFailed};
use eventlog::{CommandError, EventLog, LogError};
use runtime::{Clock, database::begin_write};
use sea_orm::{DatabaseConnection, DbErr};
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    outbox::{self, Message},
    owed::{self, Manners, Owed},
    turn,
};
use crate::{
    alert::{self, Command, Moot, State},
    deliver::{Deliverer, DeliveryError},
    item::{About, Item},
    letter, metrics,
    notice::{self, USEFUL_LIFE},
    origin,
    roster::{self, Recipient},
    watch::{
        Watched, deadline,
        trouble::{self, Trouble},
    },
};

/// What a desk works with.
pub struct Desk {
    /// Where what was told is noted.
    pub log: EventLog,
    /// Where the rows are.
    pub database: DatabaseConnection,
    /// Sends.
    pub deliverer: Deliverer,
    /// When things are told.
    pub manners: Manners,
    /// The time.
    pub clock: Clock,
    /// Which replica this is: a new one at each start.
    pub holder: Uuid,
    /// Notified where the desk itself has changed what is watched.
    pub marked: watch::Sender<u64>,
}

/// Why a desk could not work.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The database.
    #[error("the database does not answer")]
    Database(#[from] DbErr),
    /// The event log.
    #[error("the event log does not answer")]
    Log(#[source] LogError),
    /// Others kept changing the alert.
    #[error("others keep changing an alert at the same time")]
    Contended,
}

impl Desk {
    /// Serves a channel until `closing`; a message that is being sent is finished first.
    pub async fn run(
        self: Arc<Self>,
        channel: Uuid,
        mut changed: watch::Receiver<u64>,
        closing: CancellationToken,
    ) {
        while !closing.is_cancelled() {
            changed.borrow_and_update();
            let next = match self.serve(channel, &closing).await {
                Ok(next) => next,
                Err(error) => {
                    report(channel, &error);
                    tokio::select! {
                        () = closing.cancelled() => {}
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                    continue;
                }
            };
            tokio::select! {
                () = closing.cancelled() => {}
                changed = changed.changed() => if changed.is_err() {
                    break;
                },
                () = wait(&self.clock, next) => {}
            }
        }
        // The next one need not wait for the lease to end.
        if let Err(error) = turn::give_up(&self.database, channel, self.holder).await {
            tracing::debug!(%channel, %error, "the turn ends with its lease");
        }
    }

    /// Tells the channel all that is ready; answers when there is more.
    ///
    /// # Errors
    /// What the database or the log says. What was sent before is noted, or noted the next time.
    pub async fn serve(
        &self,
        channel: Uuid,
        closing: &CancellationToken,
    ) -> Result<Option<OffsetDateTime>, DeskError> {
        let now = self.clock.now();
        if !turn::take(&self.database, channel, self.holder, now).await? {
            return Ok(Some(now + turn::LEASE));
        }
        loop {
            let Some(recipient) = roster::find(&self.database, channel).await? else {
                return Ok(None);
            };
            let waiting = outbox::of_channel(&self.database, channel).await?;
            let now = self.clock.now();
            if let Some(message) = waiting.iter().find(|m| m.taken || m.next <= now) {
                if closing.is_cancelled() {
                    return Ok(None);
                }
                if !turn::take(&self.database, channel, self.holder, now).await? {
                    return Ok(Some(now + turn::LEASE));
                }
                self.send(&recipient, message).await?;
                continue;
            }
            let owed = self.owed(&recipient, &waiting, now).await?;
            let retry = waiting.iter().map(|message| message.next).min();
            let Some(message) = gathered(&recipient, &owed, &self.manners, now) else {
                return Ok(owed.iter().map(|owed| owed.ready).chain(retry).min());
            };
            outbox::write(&self.database, &message).await?;
        }
    }

    /// What the channel is owed, and no message holds yet.
    async fn owed(
        &self,
        to: &Recipient,
        waiting: &[Message],
        now: OffsetDateTime,
    ) -> Result<Vec<Owed>, DeskError> {
        let held = waiting.iter().flat_map(|message| &message.items);
        let held = held.map(|item| item.about.of()).collect::<HashSet<_>>();
        let mut owed = Vec::new();
        let since = now - USEFUL_LIFE - Duration::DAY;
        let alerts = alert::row::told_of(&self.database, since).await?;
        let heard = owed::heard(&alerts, to.id);
        for (id, state) in alerts {
            let what = state.raised.as_ref().and_then(|r| r.what.subject.clone());
            let subject = what.unwrap_or_default();
            let heard = heard.get(&(subject.kind, subject.id));
            owed.extend(owed::of_alert(id, &state, to, heard, &self.manners, now));
        }
        let mut stale = Vec::new();
        for (item, at) in notice::of_channel(&self.database, to.id).await? {
            let about = item.about.clone();
            match (owed::of_notice(item, at, to, &self.manners, now), about) {
                (Some(one), _) => owed.push(one),
                (None, About::Notice { id }) => stale.push(id),
                (None, _) => {}
            }
        }
        notice::strike(&self.database, &stale).await?;
        owed.retain(|owed| !held.contains(&owed.item.about.of()));
        Ok(owed)
    }

    /// Sends a message, or takes note of what became of it before.
    async fn send(&self, to: &Recipient, message: &Message) -> Result<(), DeskError> {
        if message.taken {
            return self.note(to, message, &message.items).await;
        }
        // Rows may lag behind what was noted: the log says what is still to be told.
        let mut items = Vec::new();
        for item in &message.items {
            if self.is_still_owed(to, item).await? {
                items.push(item.clone());
            }
        }
        if items.is_empty() {
            return self.close(message).await;
        }
        let now = self.clock.now();
        if message.created + USEFUL_LIFE <= now {
            return self.abandon(to, message, &items).await;
        }
        let letter = letter::write(&items, &self.manners.calendar, now);
        let sent = self
            .deliverer
            .deliver(to, message.id, &letter, &items, message.created)
            .await;
        match sent {
            Ok(answer) => {
                tracing::info!(channel = %to.id, message = %message.id, items = items.len(), answer, "a channel was told");
                // Step 1: it is not sent again, whatever fails from here on.
                outbox::take(&self.database, message.id).await?;
                metrics::message(to.channel.kind, metrics::Outcome::Delivered);
                // Step 2: the log, and then the row.
                self.note(to, message, &items).await?;
                if trouble::forget(&self.database, to.id).await? {
                    self.mark(to.id).await?;
                }
                Ok(())
            }
            Err(error) => self.postpone(to, message, error).await,
        }
    }

    async fn is_still_owed(&self, to: &Recipient, item: &Item) -> Result<bool, DeskError> {
        let Some((id, day, all_clear)) = item.about.alert() else {
            return Ok(true);
        };
        let loaded = self.log.load::<State>(&id.to_string()).await;
        let state = loaded.map_err(DeskError::Log)?.state;
        let told = Command::Notified(notified(to, day, all_clear));
        let up = state.up().is_some_and(|up| up.since() == item.since);
        let stands = if all_clear {
            state.cleared.is_some()
        } else {
            up
        };
        Ok(stands && alert::decide(&state, &told).is_ok())
    }

    /// Notes in the log that the channel was told of these, and strikes the message off.
    async fn note(
        &self,
        to: &Recipient,
        message: &Message,
        items: &[Item],
    ) -> Result<(), DeskError> {
        for item in items {
            if let Some((id, day, all_clear)) = item.about.alert() {
                let told = Command::Notified(notified(to, day, all_clear));
                self.append(id, message.id, "notified", told).await?;
            }
        }
        self.close(message).await
    }

    /// The message has outlived its use.
    async fn abandon(
        &self,
        to: &Recipient,
        message: &Message,
        items: &[Item],
    ) -> Result<(), DeskError> {
        let trouble = trouble::of(&self.database, to.id).await?;
        let reason = trouble.map(|trouble| trouble.reason).unwrap_or_default();
        tracing::error!(channel = %to.id, message = %message.id, reason, attempts = message.attempts, "a message was given up");
        for item in items {
            if let Some((id, day, _)) = item.about.alert() {
                let failed = Command::NotifyFailed(AlertNotifyFailed {
                    channel_id: to.id.to_string(),
                    day: day.to_owned(),
                    reason: reason.clone(),
                    attempts: message.attempts,
                });
                self.append(id, message.id, "notify-failed", failed).await?;
            }
        }
        self.close(message).await?;
        metrics::message(to.channel.kind, metrics::Outcome::GivenUp);
        Ok(())
    }

    async fn postpone(
        &self,
        to: &Recipient,
        message: &Message,
        error: DeliveryError,
    ) -> Result<(), DeskError> {
        let now = self.clock.now();
        let pause = pause(message.attempts).max(error.retry_after.unwrap_or_default());
        // Not past its useful life: then it is given up.
        let next = (now + pause).min(message.created + USEFUL_LIFE).max(now);
        tracing::warn!(channel = %to.id, message = %message.id, reason = error.reason, ?pause, "a channel did not take a message");
        let trouble = Trouble {
            since: now,
            reason: error.reason,
        };
        let tx = begin_write(&self.database).await?;
        outbox::postpone(&tx, message, next).await?;
        trouble::note(&tx, to.id, trouble).await?;
        tx.commit().await?;
        metrics::message(to.channel.kind, metrics::Outcome::Postponed);
        self.mark(to.id).await
    }

    /// Strikes off the message and what it told.
    async fn close(&self, message: &Message) -> Result<(), DeskError> {
        let notices = message.items.iter().filter_map(|item| match item.about {
            About::Notice { id } => Some(id),
            _ => None,
        });
        let notices = notices.collect::<Vec<_>>();
        let tx = begin_write(&self.database).await?;
        notice::strike(&tx, &notices).await?;
        outbox::strike(&tx, message.id).await?;
        Ok(tx.commit().await?)
    }

    async fn mark(&self, channel: Uuid) -> Result<(), DeskError> {
        let now = self.clock.now();
        deadline::mark(&self.database, Watched::Channel, channel, now).await?;
        self.marked.send_modify(|n| *n += 1);
        Ok(())
    }

    async fn append(
        &self,
        alert: Uuid,
        message: Uuid,
        what: &str,
        command: Command,
    ) -> Result<(), DeskError> {
        let decide = |state: &State| alert::decide(state, &command);
        let origin = origin::own(&self.clock, Some(message));
        let (id, now) = (alert.to_string(), self.clock.now());
        match self.log.execute(&id, &origin, what, now, decide).await {
            Ok(_) | Err(CommandError::Refused(Moot::ToldAlready | Moot::NotUp | Moot::SaysSo)) => {
                Ok(())
            }
            // A fresh id stands for nothing else.
            Err(
                CommandError::Contended | CommandError::Changed(_) | CommandError::RequestIdReused,
            ) => Err(DeskError::Contended),
            Err(CommandError::Failed(error)) => Err(DeskError::Log(error)),
        }
    }
}

fn report(channel: Uuid, error: &(dyn std::error::Error + 'static)) {
    tracing::error!(%channel, error, "cannot tell a channel what it is owed");
}

fn notified(to: &Recipient, day: &str, all_clear: bool) -> AlertNotified {
    AlertNotified {
        channel_id: to.id.to_string(),
        day: day.to_owned(),
        all_clear,
    }
}

/// The message that is to be sent now, where something is ready: with what is ready soon, so that a person
/// gets one message and not two.
fn gathered(
    to: &Recipient,
    owed: &[Owed],
    manners: &Manners,
    now: OffsetDateTime,
) -> Option<Message> {
    let mut ready = owed.iter().filter(|owed| owed.ready <= now).peekable();
    ready.peek()?;
    let soon = now + manners.gather;
    let items = owed.iter().filter(|owed| owed.ready <= soon);
    let mut items = items.map(|owed| owed.item.clone()).collect::<Vec<_>>();
    items.sort_by_key(|item| item.about.telling());
    items.truncate(MOST_ITEMS);
    // The same things on the same day to the same channel are the same message, whoever sends it.
    let keys = items
        .iter()
        .map(|item| item.about.telling())
        .collect::<Vec<_>>();
    Some(Message {
        id: Uuid::new_v5(&to.id, keys.join("\n").as_bytes()),
        channel: to.id,
        items,
        created: now,
        attempts: 0,
        next: now,
        taken: false,
    })
}

/// After which time a message is tried again that was tried so often.
fn pause(attempts: u32) -> Duration {
    let doubled = FIRST_RETRY * 2_i32.pow(attempts.min(10));
    doubled.min(LONGEST_RETRY)
}

async fn wait(clock: &Clock, until: Option<OffsetDateTime>) {
    match until {
        Some(until) => clock.sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// How long a database or log that does not answer is left alone.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(2);
const FIRST_RETRY: Duration = Duration::minutes(1);
const LONGEST_RETRY: Duration = Duration::hours(1);
/// More are not read; the rest comes in the next message.
const MOST_ITEMS: usize = 500;
