//! Sign-ins that were refused: counted, and told to the log once an hour and account, so that strangers cannot
//! fill it.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use api::{convert::timestamp, gateway::v1::RefusalsSummed};
use eventlog::Origin;
use sea_orm::{DatabaseConnection, DbErr};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{CommandError, Commands};
use crate::{
    follow::ACTOR,
    rows::refusals::{self, Refused},
    session::Command,
};

/// Counts refusals in memory, for as long as it takes to write them down: at most one entry for each account and
/// hour. Cheap to clone: clones count together.
#[derive(Debug, Clone, Default)]
pub struct Refusals {
    counts: Arc<Mutex<Counts>>,
}

/// By account and hour.
type Counts = HashMap<(Option<Uuid>, OffsetDateTime), u64>;

impl Refusals {
    /// Somebody did not get in: into this account, or with a name that is nobody's.
    pub fn count(&self, user: Option<Uuid>, now: OffsetDateTime) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((user, hour_of(now))).or_default() += 1;
    }

    /// Writes down what was counted. What cannot be written is counted on.
    ///
    /// # Errors
    /// What the database says.
    pub async fn write_down(&self, database: &DatabaseConnection) -> Result<(), DbErr> {
        let counted = mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        let mut counted = counted.into_iter();
        while let Some(((user, hour), count)) = counted.next() {
            let refused = Refused { user, hour, count };
            if let Err(error) = refusals::add(database, refused).await {
                let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
                for (key, count) in counted.chain([((user, hour), count)]) {
                    *counts.entry(key).or_default() += count;
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Commands {
    /// Tells the log of the hours that are over, one event for each account, and strikes them off.
    ///
    /// # Errors
    /// See [`CommandError`]. What is left is told the next time.
    pub async fn sum_refusals(&self) -> Result<(), CommandError> {
        // Every gateway has written down by then what it counted in that hour.
        let over = hour_of(self.clock.now() - SETTLES) - HOUR + Duration::SECOND;
        loop {
            let refused = refusals::before(&self.database, over).await?;
            if refused.is_empty() {
                return Ok(());
            }
            for refused in refused {
                self.tell_refused(&refused).await?;
                refusals::strike(&self.database, refused.user, refused.hour).await?;
            }
        }
    }

    async fn tell_refused(&self, refused: &Refused) -> Result<(), CommandError> {
        let user_id = refused.user.map(|user| user.to_string());
        let user_id = user_id.unwrap_or_default();
        let id = id(&user_id, refused.hour.unix_timestamp());
        let name = format!("refusals-{id}");
        // The same for every gateway: who is faster tells it.
        let origin = Origin {
            actor: ACTOR.to_owned(),
            request_digest: name.clone(),
            request_id: name,
            correlation_id: id,
            causation_id: None,
            unchanged_since: None,
        };
        let sum = Command::Sum(RefusalsSummed {
            user_id,
            refused: refused.count,
            since: Some(timestamp(refused.hour)),
            until: Some(timestamp(refused.hour + HOUR)),
        });
        self.append_session(id, &origin, &sum).await?;
        Ok(())
    }
}

/// Of the sum of this account and hour: the same for every gateway.
pub fn id(user_id: &str, hour: i64) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{user_id} {hour}").as_bytes())
}

/// When the hour began.
fn hour_of(at: OffsetDateTime) -> OffsetDateTime {
    let into = at.unix_timestamp().rem_euclid(HOUR.whole_seconds());
    at.replace_nanosecond(0).unwrap_or(at) - Duration::seconds(into)
}

const HOUR: Duration = Duration::hours(1);

/// How long after its end an hour is summed.
const SETTLES: Duration = Duration::minutes(2);

/// Under which hours are made into ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x83d5_0c6b_1f92_4e3a_a7d4_5be8_60f1_c72e);
