//! Whether the clock can be believed. One that is days ahead would renew everything at once, and one
//! that is behind nothing; so it is held against two others before anything begins by itself: the `Date`
//! that a CA answers with, else the log's last event, which cannot be of the future.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration as StdDuration,
};

use eventlog::EventLog;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::agendas::Due;
use crate::{accounts::Accounts, automation::Automation, server::Server, worker::chain};

/// Holds the clock against others.
pub struct Sanity {
    log: EventLog,
    accounts: Arc<Accounts>,
    last: Mutex<Last>,
}

/// What was found the last time.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    /// By the clock that is in question.
    checked: Option<OffsetDateTime>,
    found: Option<Apart>,
    /// When it was said loudly that they are apart.
    said: Option<OffsetDateTime>,
}

/// How far the clock is from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Apart {
    /// How far the other one is ahead; negative, where it is behind.
    pub ahead: Duration,
    /// Which.
    pub other: Other,
}

/// Who else tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    /// The event log's last event.
    LastEvent,
    /// A CA.
    Ca,
}

impl Sanity {
    /// Nothing was found yet.
    pub fn new(log: EventLog, accounts: Arc<Accounts>) -> Self {
        Self {
            log,
            accounts,
            last: Mutex::default(),
        }
    }

    /// Whether the clock is not to be believed now. Asks again every few minutes, and after every jump;
    /// the CA that is asked is one at which something is due.
    pub async fn doubts(&self, now: OffsetDateTime, due: &[Due]) -> bool {
        let last = self.last();
        let fresh = last.checked.is_some_and(|checked| {
            let since = now - checked;
            since >= Duration::ZERO && since < GOOD_FOR
        });
        // What was found to be wrong is looked at every time, so that it goes on as soon as it is mended.
        if fresh && last.found.is_none() {
            return false;
        }
        let event = self.last_event().await;
        let ca = self.ca(due).await;
        let found = apart(now, event, ca);
        self.note(now, found);
        found.is_some()
    }

    async fn last_event(&self) -> Option<OffsetDateTime> {
        match self.log.last().await {
            Ok(event) => event.map(|event| event.stored),
            Err(error) => {
                // What is due cannot begin without the log anyway.
                tracing::warn!(error = chain(&error), "cannot read the last event");
                None
            }
        }
    }

    /// How far a CA's clock is ahead; `None` where none answers: then no order can succeed there either.
    async fn ca(&self, due: &[Due]) -> Option<Duration> {
        let mut asked = Vec::new();
        for due in due.iter().take(MOST_LOOKED_AT) {
            let Some(id) = self.server_of(due.automation).await else {
                continue;
            };
            if asked.contains(&id) {
                continue;
            }
            if asked.len() == MOST_CAS {
                break;
            }
            asked.push(id);
            if let Some(ahead) = self.ahead(id).await {
                return Some(ahead);
            }
        }
        None
    }

    async fn server_of(&self, automation: Uuid) -> Option<Uuid> {
        let loaded = self.log.load::<Automation>(&automation.to_string()).await;
        let state = loaded.ok()?.state;
        Uuid::parse_str(&state.requested().ok()?.server_id).ok()
    }

    /// Its directory is read anew, because an answer from before a jump says nothing about it.
    async fn ahead(&self, server: Uuid) -> Option<Duration> {
        let loaded = self.log.load::<Server>(&server.to_string()).await;
        let state = loaded.ok()?.state;
        let registered = &state.registered().ok()?.what;
        let roots = &registered.trusted_roots_der;
        let ca = self.accounts.discover(&registered.directory_url, roots);
        ca.await.ok()?.ahead()
    }

    fn note(&self, now: OffsetDateTime, found: Option<Apart>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let said = last.said.filter(|said| (now - *said).abs() < SAY_AGAIN);
        match found {
            Some(apart) if said.is_none() => {
                tracing::error!(
                    other = ?apart.other,
                    ahead_seconds = apart.ahead.whole_seconds(),
                    "the clock is over an hour off: renewals pause until it is set right"
                );
                last.said = Some(now);
            }
            None if last.found.is_some() => {
                tracing::info!("the clock is right again: renewals go on");
                last.said = None;
            }
            Some(_) | None => {}
        }
        (last.checked, last.found) = (Some(now), found);
    }

    fn last(&self) -> Last {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds the clock against the others. A CA's counts, where one answers: the last event may have been
/// written when the clock was wrong, and of the past it is wherever nothing has happened for long.
fn apart(
    now: OffsetDateTime,
    last_event: Option<OffsetDateTime>,
    ca: Option<Duration>,
) -> Option<Apart> {
    let apart = match (ca, last_event) {
        (Some(ahead), _) => Apart {
            ahead,
            other: Other::Ca,
        },
        (None, Some(stored)) => Apart {
            ahead: (stored - now).max(Duration::ZERO),
            other: Other::LastEvent,
        },
        (None, None) => return None,
    };
    (apart.ahead.abs() > TOLERANCE).then_some(apart)
}

const TOLERANCE: Duration = Duration::HOUR;
const GOOD_FOR: Duration = Duration::minutes(10);
const SAY_AGAIN: StdDuration = StdDuration::from_secs(3_600);
const MOST_CAS: usize = 3;
/// Automations that are looked at for their CAs: thousands that are due mostly have the same.
const MOST_LOOKED_AT: usize = 32;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    #[test]
    fn a_clock_that_agrees_is_believed() {
        assert_eq!(apart(NOW, None, None), None);
        let minutes = Duration::minutes(59);
        assert_eq!(apart(NOW, Some(NOW + minutes), Some(-minutes)), None);
        // A log that was quiet for a year says nothing.
        assert_eq!(apart(NOW, Some(NOW - Duration::days(365)), None), None);
    }

    #[test]
    fn a_clock_behind_the_log_is_not_believed() {
        let days = Duration::days(40);
        let expected = Apart {
            ahead: days,
            other: Other::LastEvent,
        };
        assert_eq!(apart(NOW, Some(NOW + days), None), Some(expected));
        // Unless a CA tells us that it was the log that was ahead.
        let seconds = Some(Duration::seconds(2));
        assert_eq!(apart(NOW, Some(NOW + days), seconds), None);
    }

    #[test]
    fn a_clock_that_a_ca_contradicts_is_not_believed() {
        for ahead in [
            Duration::days(40),
            -Duration::days(40),
            -Duration::minutes(61),
        ] {
            let expected = Apart {
                ahead,
                other: Other::Ca,
            };
            assert_eq!(apart(NOW, Some(NOW), Some(ahead)), Some(expected));
        }
    }
}
