//! The time, passed in: so that a test can set it.

use std::{fmt, time::Duration};

use aws_lc_rs::rand;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;
use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;

/// Tells the time, in UTC and whole microseconds (what every database and event keeps). Cheap to clone.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(watch::Sender<OffsetDateTime>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until it is told to [`advance`](Self::advance), for tests. Clones share it.
    pub fn manual(start: OffsetDateTime) -> Self {
        Self(Source::Manual(watch::Sender::new(to_microseconds(start))))
    }

    /// Now.
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            // The one place that asks the machine: all others ask this clock.
            #[allow(clippy::disallowed_methods)]
            Source::System => to_microseconds(OffsetDateTime::now_utc()),
            Source::Manual(now) => *now.borrow(),
        }
    }

    /// Moves a manual clock forward; the machine's clock is not moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(now) = &self.0 {
            now.send_modify(|now| *now += by);
        }
    }

    /// Waits until the clock shows `until`, also when the clock is set meanwhile.
    pub async fn sleep_until(&self, until: OffsetDateTime) {
        match &self.0 {
            Source::System => loop {
                let left = until - self.now();
                let Ok(left) = Duration::try_from(left) else {
                    return;
                };
                if left.is_zero() {
                    return;
                }
                // In short sleeps, because a sleep does not notice that the clock was set.
                tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
            },
            Source::Manual(now) => {
                // Fails only when the sender is gone, and we hold it.
                let _ = now.subscribe().wait_for(|now| *now >= until).await;
            }
        }
    }

    /// Waits for as long as this clock takes for `duration`.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now() + duration).await;
    }

    /// A fresh UUIDv7 of this time.
    pub fn new_id(&self) -> Uuid {
        let milliseconds = self.now().unix_timestamp_nanos() / 1_000_000;
        let milliseconds = u64::try_from(milliseconds).unwrap_or(0);
        let mut random = [0; 10];
        // It asks the system for a seed now and then, and not for each id.
        if rand::fill(&mut random).is_err() {
            random.copy_from_slice(&Uuid::new_v4().as_bytes()[..10]);
        }
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::System => f.write_str("Clock::System"),
            Source::Manual(now) => write!(f, "Clock::Manual({})", *now.borrow()),
        }
    }
}

/// The validity of certificates is judged by the same clock as everything else.
impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.now().unix_timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

fn to_microseconds(at: OffsetDateTime) -> OffsetDateTime {
    // A multiple of 1,000 below 1,000,000,000 is always a valid nanosecond.
    at.replace_nanosecond(at.microsecond() * 1_000)
        .unwrap_or(at)
}

const LONGEST_SLEEP: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_manual_clock_reaches_its_time() {
        let clock = Clock::manual(datetime!(2026-01-01 00:00:00.123456789 UTC));
        assert_eq!(clock.now(), datetime!(2026-01-01 00:00:00.123456 UTC));
        let until = clock.now() + Duration::from_secs(60);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(until).await }
        });
        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(2));
        sleeper.await.unwrap();
    }

    #[tokio::test]
    async fn a_time_that_has_passed_is_not_waited_for() {
        let clock = Clock::system();
        clock
            .sleep_until(clock.now() - Duration::from_secs(1))
            .await;
    }

    #[test]
    fn ids_carry_the_time() {
        let clock = Clock::manual(datetime!(2026-01-01 00:00:00 UTC));
        let (seconds, _) = clock.new_id().get_timestamp().unwrap().to_unix();
        assert_eq!(seconds as i64, clock.now().unix_timestamp());
        assert_ne!(clock.new_id(), clock.new_id());
    }
}
