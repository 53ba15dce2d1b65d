//! What the benchmarks measure by itself: the schedule, without the orders that follow from it.

use std::sync::Arc;

use eventlog::{EventLog, Follower, subject};
use runtime::{Clock, Egress};
use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::transport::Channel;

use crate::{
    accounts::Accounts,
    automation::Automation,
    keystore::Keystore,
    outbox::Outbox,
    schedule::{Timer, agendas::Agendas, sanity::Sanity},
    together::Together,
};

/// The tables that it needs.
pub use crate::migrations;

/// A timer and the follower that keeps its table.
pub struct Schedule {
    timer: Timer,
    database: DatabaseConnection,
    followed: Arc<Notify>,
    _follower: AbortOnDropHandle<()>,
}

impl Schedule {
    /// Begins to follow. `keystore` is never asked; `orders` are begun at most at a time.
    pub fn follow(
        log: EventLog,
        database: DatabaseConnection,
        clock: Clock,
        keystore: Channel,
        orders: usize,
    ) -> Self {
        let [followed, changed] = [(); 2].map(|()| Arc::new(Notify::new()));
        let follower = Follower {
            name: Outbox::FOLLOWER.to_owned(),
            subjects: vec![subject::of_kind(<Automation as eventlog::Aggregate>::NAME)],
            log: log.clone(),
            database: database.clone(),
        };
        let rows = Together(vec![
            Box::new(Outbox::new(Arc::default())),
            Box::new(Agendas::new(vec![followed.clone()])),
        ]);
        let following = tokio::spawn(async move {
            if let Err(error) = follower.run(rows, CancellationToken::new()).await {
                tracing::error!(%error, "cannot follow the event log");
            }
        });
        let egress = Egress::new(&[]);
        let keystore = Keystore::new(keystore);
        let accounts = Accounts::new(egress, clock.clone(), keystore, database.clone());
        let timer = Timer {
            sanity: Sanity::new(log.clone(), Arc::new(accounts)),
            log,
            database: database.clone(),
            clock,
            service: "acme-agent",
            at_a_time: orders,
            changed,
        };
        Self {
            timer,
            database,
            followed,
            _follower: AbortOnDropHandle::new(following),
        }
    }

    /// Returns once the table has every event up to this position.
    ///
    /// # Errors
    /// What the database says.
    pub async fn caught_up(&self, position: u64) -> Result<(), DbErr> {
        loop {
            let at = eventlog::checkpoint::checkpoint(&self.database, Outbox::FOLLOWER).await?;
            if at.sequence >= position {
                return Ok(());
            }
            self.followed.notified().await;
        }
    }

    /// Begins what is due, as far as there is room; whether there is more to be looked at now.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pass(&self) -> Result<bool, DbErr> {
        let now = self.timer.clock.now();
        let again = self.timer.pass().await?;
        Ok(again.is_some_and(|again| again <= now))
    }
}
