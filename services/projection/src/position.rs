//! How far the tables are, for those who wait for an event of their own.

use std::{sync::Arc, time::Duration};

use api::projection::v1::Following;
use tokio::sync::watch;

use crate::refusal::Refusal;

/// The projected position. Clones share it.
#[derive(Debug, Clone)]
pub struct Position(watch::Sender<Standing>);

#[derive(Debug, Clone)]
struct Standing {
    projected: u64,
    state: State,
}

/// An event that the tables cannot take in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poison {
    /// Its sequence in the log.
    pub sequence: u64,
    /// Its kind: "automation.order-placed".
    pub event: String,
    /// Why not.
    pub error: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Following,
    /// The follower met what it cannot apply: the tables stay as they are. Which event it is, where it is one.
    Stopped(Option<Arc<Poison>>),
    /// The log is not the one that the tables were made from: likewise.
    LogChanged,
    /// The service is going down.
    Closing,
}

impl Position {
    /// At the follower's checkpoint.
    pub fn at(checkpoint: u64) -> Self {
        Self(watch::Sender::new(Standing {
            projected: checkpoint,
            state: State::Following,
        }))
    }

    /// Every event up to this one is in the tables.
    pub fn now(&self) -> u64 {
        self.0.borrow().projected
    }

    /// The tables are as of `position`.
    pub fn advance(&self, position: u64) {
        self.0.send_if_modified(|standing| {
            let further = position > standing.projected;
            standing.projected = standing.projected.max(position);
            further
        });
    }

    /// No further event will be applied: because of this one, where it is one.
    pub fn stop(&self, poison: Option<Poison>) {
        let poison = poison.map(Arc::new);
        self.0
            .send_modify(|standing| standing.state = State::Stopped(poison));
    }

    /// The event at which the tables stopped, where they did.
    pub fn poison(&self) -> Option<Arc<Poison>> {
        match &self.0.borrow().state {
            State::Stopped(poison) => poison.clone(),
            State::Following | State::LogChanged | State::Closing => None,
        }
    }

    /// Events are applied again, from here on; behind where it was, where the log is another one.
    pub fn resume(&self, position: u64) {
        self.0.send_modify(|standing| {
            if standing.state != State::Closing {
                *standing = Standing {
                    projected: position,
                    state: State::Following,
                };
            }
        });
    }

    /// Likewise: the log is not the one that the tables were made from.
    pub fn log_changed(&self) {
        self.0
            .send_modify(|standing| standing.state = State::LogChanged);
    }

    /// Whether events are still applied.
    pub fn following(&self) -> Following {
        match &self.0.borrow().state {
            State::Following | State::Closing => Following::On,
            State::Stopped(_) => Following::Stopped,
            State::LogChanged => Following::LogChanged,
        }
    }

    /// The service is going down: nobody waits any longer.
    pub fn close(&self) {
        self.0
            .send_modify(|standing| standing.state = State::Closing);
    }

    /// Waits until the tables hold the event at `at_least`, at most for `patience`; answers the position then.
    ///
    /// # Errors
    /// [`Refusal::NotYetProjected`] when the patience ends first, [`Refusal::Stopped`] when it will
    /// never come, [`Refusal::Closing`] when the service goes down.
    pub async fn reached(&self, at_least: u64, patience: Duration) -> Result<u64, Refusal> {
        let waited = tokio::time::timeout(patience, self.wait(at_least)).await;
        waited.unwrap_or_else(|_| {
            Err(Refusal::NotYetProjected {
                wanted: at_least,
                position: self.now(),
            })
        })
    }

    /// Waits until the tables hold an event past `sequence`.
    ///
    /// # Errors
    /// [`Refusal::Stopped`] and [`Refusal::Closing`], as in [`reached`](Self::reached).
    pub async fn past(&self, sequence: u64) -> Result<u64, Refusal> {
        self.wait(sequence.saturating_add(1)).await
    }

    async fn wait(&self, wanted: u64) -> Result<u64, Refusal> {
        let mut changes = self.0.subscribe();
        let standing = changes
            .wait_for(|now| now.projected >= wanted || now.state != State::Following)
            .await
            // Fails only when the sender is gone, and we hold it.
            .map_or_else(|_| self.0.borrow().clone(), |standing| standing.clone());
        match standing.state {
            _ if standing.projected >= wanted => Ok(standing.projected),
            State::Closing => Err(Refusal::Closing),
            State::Stopped(_) | State::LogChanged | State::Following => Err(Refusal::Stopped {
                position: standing.projected,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_position_is_waited_for_and_no_longer_than_the_patience() {
        let position = Position::at(4);
        assert!(matches!(position.reached(4, Duration::ZERO).await, Ok(4)));
        let late = position.reached(5, Duration::from_secs(1)).await;
        assert!(matches!(
            late,
            Err(Refusal::NotYetProjected {
                wanted: 5,
                position: 4
            })
        ));
        let waiting = tokio::spawn({
            let position = position.clone();
            async move { position.reached(6, LONG).await }
        });
        tokio::task::yield_now().await;
        position.advance(5);
        position.advance(7);
        assert!(matches!(waiting.await.unwrap(), Ok(7)));
        position.advance(3);
        assert_eq!(position.now(), 7, "never backwards");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_what_will_not_come() {
        let position = Position::at(4);
        let poison = Poison {
            sequence: 5,
            event: "key.generated".to_owned(),
            error: "no".to_owned(),
        };
        position.stop(Some(poison.clone()));
        assert_eq!(position.poison().as_deref(), Some(&poison));
        assert!(matches!(position.reached(4, LONG).await, Ok(4)));
        assert!(matches!(
            position.reached(5, LONG).await,
            Err(Refusal::Stopped { position: 4 })
        ));
        assert_eq!(position.following(), Following::Stopped);
        position.log_changed();
        assert_eq!(position.poison(), None);
        assert!(position.reached(5, LONG).await.is_err());
        assert_eq!(position.following(), Following::LogChanged);
        // Tables made anew from a log that was restored may be behind those before.
        position.resume(3);
        assert_eq!((position.now(), position.following()), (3, Following::On));
        position.close();
        position.resume(9);
        assert!(matches!(position.past(4).await, Err(Refusal::Closing)));
    }
}
