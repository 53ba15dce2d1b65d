//! Keeps the served tables up to date, and serves others in their place: the one that follows the log, and so knows when
//! nothing is written.

use std::time::Duration;

use api::projection::v1::Following;
use eventlog::{
    EventLog,
    checkpoint::{self, Checkpoint},
};
use runtime::Clock;
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    follow::{self, FOLLOWER, replay::Replay},
    rebuild::RebuildError,
    served::Served,
    skipped::{self, Skipped},
    store::{Place, Store},
};

/// Follows the log into what is served.
pub struct Keeper {
    log: EventLog,
    store: Store,
    served: Served,
    switches: mpsc::Receiver<Switch>,
    clock: Clock,
    /// Where the log says that the tables stand still, as far as it was looked at.
    said: Option<Option<u64>>,
}

/// Tables that are to be served in place of the others.
pub struct Switch {
    /// All but caught up.
    pub place: Place,
    /// How far they are.
    pub reached: Checkpoint,
    /// How they go on.
    pub replay: Replay,
    /// Whether they are served.
    pub done: oneshot::Sender<Result<u64, RebuildError>>,
}

/// What comes after following.
enum Next {
    Stopping,
    /// The event at which it stopped is to be passed over.
    GoOn,
    Serve(Box<Switch>),
    /// Another replica has served other tables.
    Elsewhere(u64),
}

impl Keeper {
    /// Serves what `switches` brings.
    pub fn new(
        log: EventLog,
        store: Store,
        served: Served,
        switches: mpsc::Receiver<Switch>,
        clock: Clock,
    ) -> Self {
        Self {
            log,
            store,
            served,
            switches,
            clock,
            said: None,
        }
    }

    /// Follows until `stopping`; answers the tables that are served then.
    pub async fn run(mut self, mut place: Place, stopping: CancellationToken) -> Place {
        let position = self.served.position().clone();
        loop {
            let turn = stopping.child_token();
            let writer = place.writer.clone();
            let following =
                follow::follow(self.log.clone(), writer, position.clone(), turn.clone());
            let following = AbortOnDropHandle::new(tokio::spawn(following));
            let next = self.next(&place, &stopping).await;
            turn.cancel();
            // It ends by itself; a fault in it was told.
            let _ = following.await;
            match next {
                Next::Stopping => return place,
                Next::GoOn => {
                    tracing::info!(position = position.now(), "the projection goes on");
                    // The event that says what is passed over says that, too.
                    self.said = Some(None);
                    position.resume(position.now());
                }
                Next::Serve(switch) => {
                    let Switch {
                        place: new,
                        reached,
                        replay,
                        done,
                    } = *switch;
                    let served = self.serve(&place, &new, reached, &replay).await;
                    match &served {
                        Ok(_) => self.retire(std::mem::replace(&mut place, new)),
                        Err(_) => self.retire(new),
                    }
                    // Whoever asked may have gone.
                    let _ = done.send(served);
                }
                Next::Elsewhere(number) => match self.move_to(number).await {
                    Ok(new) => self.retire(std::mem::replace(&mut place, new)),
                    Err(error) => {
                        tracing::error!(%error, "cannot serve the tables that another replica made");
                        tokio::time::sleep(LOOK_EVERY).await;
                    }
                },
            }
        }
    }

    async fn next(&mut self, place: &Place, stopping: &CancellationToken) -> Next {
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => return Next::Stopping,
                Some(switch) = self.switches.recv() => return Next::Serve(Box::new(switch)),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            self.say().await;
            if let Some(poison) = self.served.position().poison()
                && let Ok(skipped) = Skipped::load(&self.log).await
                && skipped.passes_over(poison.sequence)
            {
                return Next::GoOn;
            }
            if let Ok(Some(number)) = self.store.pointed_at().await
                && number != place.number
            {
                return Next::Elsewhere(number);
            }
        }
    }

    /// Says in the log that the tables stand still, or no more. What is not said now is at the next look.
    async fn say(&mut self) {
        let position = self.served.position();
        let poison = position.poison();
        let stands = poison.as_ref().map(|poison| poison.sequence);
        let said = match self.said {
            Some(said) => said,
            None => match Skipped::load(&self.log).await {
                Ok(state) => state.stopped_at(),
                Err(_) => return,
            },
        };
        let is_said = match (stands, said) {
            // Tables that begin anew have not come to the event yet.
            (None, Some(at)) => position.now() < at,
            (stands, said) => stands == said,
        };
        if !is_said
            && let Err(error) = skipped::say(&self.log, &self.clock, poison.as_deref()).await
        {
            tracing::warn!(%error, "cannot say in the log how the tables stand");
            return;
        }
        self.said = Some(if is_said { said } else { stands });
    }

    /// Serves the new tables from now on. Nobody follows meanwhile, so those before do not move on.
    async fn serve(
        &self,
        old: &Place,
        new: &Place,
        reached: Checkpoint,
        replay: &Replay,
    ) -> Result<u64, RebuildError> {
        let position = self.served.position();
        // Step 1: what was shown once stays shown. Tables of a log that was restored may be behind those before.
        let to = match position.following() {
            Following::LogChanged => self.log.last_sequence().await?,
            _ => position.now(),
        };
        let reached = replay.run(&new.writer, reached, to, |_| {}).await?;
        checkpoint::put(&new.writer, FOLLOWER, reached).await?;
        // Step 2: the one row. A crash before it leaves the old tables served, and after it the new ones.
        if !self.store.serve(Some(old.number), new.number).await? {
            return Err(RebuildError::Elsewhere);
        }
        // Step 3: questions that are asked from now on.
        self.served.serve(new.database.clone());
        position.resume(reached.sequence);
        tracing::info!(
            place = new.number,
            position = reached.sequence,
            "new tables are served"
        );
        Ok(reached.sequence)
    }

    /// Serves what another replica has made, once it holds what was shown here.
    async fn move_to(&self, number: u64) -> Result<Place, RebuildError> {
        let new = self.store.open(number).await?;
        let position = self.served.position();
        let shown = match position.following() {
            Following::LogChanged => 0,
            _ => position.now(),
        };
        let mut reached = checkpoint::checkpoint(&new.database, FOLLOWER).await?;
        for _ in 0..LOOKS {
            if reached.sequence >= shown {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
            reached = checkpoint::checkpoint(&new.database, FOLLOWER).await?;
        }
        self.served.serve(new.database.clone());
        position.resume(reached.sequence);
        Ok(new)
    }

    /// Removes tables once the questions that began on them have ended. Where another replica has them open still, they
    /// are its to remove.
    fn retire(&self, place: Place) {
        let store = self.store.clone();
        tokio::spawn(async move {
            tokio::time::sleep(GRACE).await;
            // What is still in memory of it is wanted no more.
            let _ = place.close().await;
            if let Err(error) = store.remove(place.number).await {
                tracing::warn!(place = place.number, %error, "tables that are not served stay until the next start");
            }
        });
    }
}

/// How soon what was skipped, or served elsewhere, is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often, before what another replica serves is served as it is.
const LOOKS: u32 = 30;

/// No question takes longer: below the server's own limit for a call.
const GRACE: Duration = Duration::from_secs(60);
