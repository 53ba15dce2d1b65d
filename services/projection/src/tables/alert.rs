//! Alerts: what wants somebody, and what did.

use api::notifier::v1::AlertRaised;
use sea_orm::entity::prelude::*;

use super::{
    Unusable, folded, indexed,
    instant::{NEVER, optional},
};
use crate::events::AlertEvent;

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alert")]
pub struct Model {
    /// The aggregate's id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// `chancery.notifier.v1.MessageKind`.
    pub kind: i32,
    /// `chancery.notifier.v1.Severity`.
    pub severity: i32,
    /// The aggregate that it is about, for example "certificate".
    #[sea_orm(column_type = "Text")]
    pub subject_kind: String,
    /// Which one.
    #[sea_orm(column_type = "Text")]
    pub subject_id: String,
    /// What people called it then.
    #[sea_orm(column_type = "Text")]
    pub subject_name: String,
    /// The name as it is compared.
    #[sea_orm(column_type = "Text")]
    pub subject_name_folded: String,
    /// What is wrong, one sentence.
    #[sea_orm(column_type = "Text")]
    pub message: String,
    /// What to do next, one sentence.
    #[sea_orm(column_type = "Text")]
    pub advice: String,
    /// Until when; [`NEVER`] where there is no end.
    pub deadline: i64,
    /// When it was raised, microseconds since 1970; of one that was raised again, the last time.
    pub raised: i64,
    /// It still is: it was not cleared. Beside `cleared_at`, so that it has an index of two values.
    pub up: bool,
    /// When it was cleared; [`NEVER`] while it is up.
    pub cleared_at: i64,
    /// What lists are sorted by: when it was raised, and all that are up after all that are not.
    pub urgency: i64,
    /// How often somebody was told since it was raised.
    pub notified: i64,
    /// When the last time; [`NEVER`] before the first.
    pub last_notified: i64,
}

/// None: what it is about may be in any table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row after one more event. `before` is nothing for an alert that was not here.
    ///
    /// # Errors
    /// [`Unusable`] where the event needs a row that is not there, or lacks a field.
    pub fn after(
        before: Option<Self>,
        id: &str,
        event: &AlertEvent,
        at: i64,
    ) -> Result<Self, Unusable> {
        if let AlertEvent::Raised(raised) = event {
            return Self::raised(before, id, raised.clone(), at);
        }
        let mut row = before.ok_or_else(|| Unusable::Unknown {
            what: "alert",
            id: id.to_owned(),
        })?;
        match event {
            // The first is returned above; the other is a matter of the channel.
            AlertEvent::Raised(_) | AlertEvent::NotifyFailed(_) => {}
            AlertEvent::Notified(notified) => {
                row.notified += i64::from(!notified.all_clear);
                row.last_notified = at;
            }
            AlertEvent::Cleared(_) => row.cleared_since(at),
        }
        Ok(row)
    }

    fn raised(
        before: Option<Self>,
        id: &str,
        event: AlertRaised,
        at: i64,
    ) -> Result<Self, Unusable> {
        let subject = event.subject.ok_or(Unusable::Missing("subject"))?;
        // One that is up and raised once more has another text, and is the same alert.
        let before = before.filter(|row| row.up);
        let mut row = Self {
            id: id.to_owned(),
            kind: event.kind,
            severity: event.severity,
            subject_kind: subject.kind,
            subject_id: indexed(subject.id),
            subject_name_folded: folded(&subject.name),
            subject_name: subject.name,
            message: event.message,
            advice: event.advice,
            deadline: optional(event.deadline.as_ref()),
            raised: before.as_ref().map_or(at, |row| row.raised),
            up: true,
            cleared_at: NEVER,
            urgency: 0,
            notified: before.as_ref().map_or(0, |row| row.notified),
            last_notified: before.map_or(NEVER, |row| row.last_notified),
        };
        row.cleared_since(NEVER);
        Ok(row)
    }

    fn cleared_since(&mut self, at: i64) {
        self.up = at == NEVER;
        self.cleared_at = at;
        self.urgency = if self.up {
            self.raised.saturating_add(UP)
        } else {
            self.raised
        };
    }
}

/// More than any time is, in microseconds since 1970.
const UP: i64 = 1 << 62;
