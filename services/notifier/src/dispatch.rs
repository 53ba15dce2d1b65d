//! Telling people: each channel has a [`desk`] of its own, so that one that does not answer keeps no other waiting.
//!
//! What a channel is owed is computed from the alerts that are up ([`owed`]: pure); it is put into a message,
//! and the message into the [`outbox`] before it is sent, so that a second try is the same message. One
//! replica at a time has a channel's [`turn`]. What was taken is noted in the log: that it is not there is
//! looked up before each try.

pub mod desk;
pub mod outbox;
pub mod owed;
pub mod turn;

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::desk::Desk;
use crate::roster;

/// Keeps a desk for each channel.
pub struct Dispatch {
    /// What a desk works with.
    pub desk: Arc<Desk>,
    /// Changes with the rows.
    pub changed: watch::Receiver<u64>,
}

impl Dispatch {
    /// Runs until `stopping`; a message that is being sent is finished first.
    pub async fn run(mut self, stopping: CancellationToken) {
        let mut desks = JoinSet::new();
        let mut open = HashMap::<Uuid, CancellationToken>::new();
        while !stopping.is_cancelled() {
            self.changed.borrow_and_update();
            match roster::all(&self.desk.database).await {
                Ok(roster) => {
                    open.retain(|id, closing| {
                        let stays = roster.iter().any(|recipient| recipient.id == *id);
                        if !stays {
                            closing.cancel();
                        }
                        stays
                    });
                    for recipient in roster {
                        open.entry(recipient.id).or_insert_with(|| {
                            let closing = stopping.child_token();
                            let (desk, changed) = (self.desk.clone(), self.changed.clone());
                            desks.spawn(desk.run(recipient.id, changed, closing.clone()));
                            closing
                        });
                    }
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "cannot read the channels"
                    );
                    tokio::time::sleep(DATABASE_PAUSE).await;
                    continue;
                }
            }
            tokio::select! {
                () = stopping.cancelled() => {}
                changed = self.changed.changed() => if changed.is_err() {
                    // The follower has ended, and says why.
                    break;
                },
                Some(_) = desks.join_next() => {}
            }
        }
        for closing in open.values() {
            closing.cancel();
        }
        while desks.join_next().await.is_some() {}
    }
}

/// How long a database that does not answer is left alone.
const DATABASE_PAUSE: Duration = Duration::from_secs(2);
