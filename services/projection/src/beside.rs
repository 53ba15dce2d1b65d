//! The log as it is stored, beside what the tree has recorded of it.

use eventlog::{
    EventLog,
    proof::{Hash, Stored},
};
use futures_util::{
    StreamExt as _,
    stream::{BoxStream, Fuse},
};
use sea_orm::ConnectionTrait;

use crate::query::tree::{self, TreeError};

/// A walk through the log.
pub struct Beside {
    /// Asked on and on, also where the log ends before its time.
    stored: Fuse<BoxStream<'static, Stored>>,
    /// The event that comes next.
    next: u64,
    through: u64,
    /// What was read, and is not that one.
    ahead: Option<Stored>,
}

/// What there is of an event.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Its position.
    pub sequence: u64,
    /// What the log has there.
    pub event: Option<Stored>,
    /// What was recorded of it.
    pub leaf: Option<Hash>,
}

impl Beside {
    /// The events past `after` and up to `through`, which the tables must hold.
    pub fn new(log: &EventLog, after: u64, through: u64) -> Self {
        Self {
            stored: log.stored(after, through).fuse(),
            next: after.saturating_add(1),
            through,
            ahead: None,
        }
    }

    /// The next some, in order and without gaps, with what these tables have recorded; none at the end.
    ///
    /// # Errors
    /// [`TreeError`].
    pub async fn some(&mut self, database: &impl ConnectionTrait) -> Result<Vec<Pair>, TreeError> {
        let first = self.next;
        let mut pairs = Vec::new();
        let mut weight = 0;
        while self.next <= self.through && pairs.len() < MOST && weight < HEAVIEST {
            if self.ahead.is_none() {
                self.ahead = self.stored.next().await;
            }
            // Whatever the log has past its turn comes when its turn has come.
            let event = self.ahead.take_if(|event| event.sequence == self.next);
            weight += event.as_ref().map_or(0, |event| event.body.len()) + HEADERS;
            pairs.push(Pair {
                sequence: self.next,
                event,
                leaf: None,
            });
            self.next += 1;
        }
        if !pairs.is_empty() {
            let leaves = tree::leaves(database, first, self.next - 1).await?;
            for pair in &mut pairs {
                pair.leaf = tree::leaf(&leaves, pair.sequence);
            }
        }
        Ok(pairs)
    }
}

/// Events at a time.
const MOST: usize = 256;
/// Bytes at a time, but for the last event.
const HEAVIEST: usize = 1 << 20;
/// About what an event takes beside its body.
const HEADERS: usize = 800;
