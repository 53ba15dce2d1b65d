//! An automated certificate: whether its renewal fails, or nothing is heard of it.

pub mod judge;
pub mod row;

use api::{acme::v1::OrderFailed, convert};
use eventlog::Recorded;
use sea_orm::{ConnectionTrait, DbErr};
use time::OffsetDateTime;
use uuid::Uuid;

use super::foreign::AutomationEvent;

pub use self::row::{Automation, Failing, Standing, Version};

/// Takes in what happened to an automation; answers it as it is now, where it is known.
///
/// # Errors
/// What the database says.
pub async fn take_in(
    db: &impl ConnectionTrait,
    id: Uuid,
    recorded: &Recorded,
    event: &AutomationEvent,
) -> Result<Option<Automation>, DbErr> {
    let known = match event {
        AutomationEvent::Requested(requested) => Some(Automation {
            id,
            name: requested.friendly_name.clone(),
            standing: Standing::Active,
            version: None,
            failing: None,
        }),
        _ => row::find(db, id).await?,
    };
    let Some(mut this) = known else {
        return Ok(None);
    };
    change(&mut this, event, recorded);
    row::keep(db, &this).await?;
    Ok(Some(this))
}

fn change(this: &mut Automation, event: &AutomationEvent, recorded: &Recorded) {
    use AutomationEvent as E;
    match event {
        E::Requested(_) => {}
        E::Obtained(obtained) => {
            this.take_version(&obtained.not_before, &obtained.not_after, recorded);
        }
        E::Renewed(renewed) => this.take_version(&renewed.not_before, &renewed.not_after, recorded),
        E::IssuanceFailed(failed) | E::RenewalFailed(failed) => this.fail(failed, recorded),
        E::Paused(_) => this.standing = Standing::Paused,
        E::Resumed(_) => this.standing = Standing::Active,
        E::Cancelled(_) => this.standing = Standing::Cancelled,
    }
}

impl Automation {
    /// Renewals begin by themselves.
    pub fn is_active(&self) -> bool {
        self.standing == Standing::Active
    }

    fn take_version(
        &mut self,
        not_before: &Option<pbjson_types::Timestamp>,
        not_after: &Option<pbjson_types::Timestamp>,
        recorded: &Recorded,
    ) {
        let time = |at: &Option<_>| -> OffsetDateTime {
            at.as_ref().and_then(convert::time).unwrap_or(recorded.time)
        };
        self.failing = None;
        self.version = Some(Version {
            not_before: time(not_before),
            not_after: time(not_after),
            cause: recorded.event_id,
        });
    }

    fn fail(&mut self, failed: &OrderFailed, recorded: &Recorded) {
        let since = self.failing.as_ref().map_or(recorded.time, |f| f.since);
        let failure = failed.failure.clone().unwrap_or_default();
        self.failing = Some(Failing {
            since,
            message: failure.message,
            advice: failure.advice,
            retried: failed.retry_at.is_some(),
            cause: recorded.event_id,
        });
    }
}

#[cfg(test)]
pub mod tests {
    use time::macros::datetime;

    use super::*;

    /// One whose certificate lives from the first of January for ninety days.
    pub fn automation() -> Automation {
        let start = datetime!(2026-01-01 00:00 UTC);
        Automation {
            id: Uuid::from_u128(1),
            name: "www.example.com".into(),
            standing: Standing::Active,
            version: Some(Version {
                not_before: start,
                not_after: start + time::Duration::days(90),
                cause: Uuid::from_u128(9),
            }),
            failing: None,
        }
    }
}
