//! Every event of the log, so that it can be listed, filtered and followed.

use std::collections::BTreeMap;

use eventlog::Recorded;
use sea_orm::entity::prelude::*;
use serde::de::IgnoredAny;

use super::{indexed, instant::micros};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    /// The position in the log.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i64,
    /// The event's own id (ce-id).
    #[sea_orm(column_type = "Text")]
    pub event_id: String,
    /// For example "automation".
    #[sea_orm(column_type = "Text")]
    pub aggregate: String,
    /// Which one.
    #[sea_orm(column_type = "Text")]
    pub aggregate_id: String,
    /// For example "order-placed".
    #[sea_orm(column_type = "Text")]
    pub event: String,
    /// Who did it.
    #[sea_orm(column_type = "Text")]
    pub actor: String,
    /// When it was decided, microseconds since 1970.
    pub time: i64,
    /// The command that it all began with.
    #[sea_orm(column_type = "Text")]
    pub correlation_id: String,
    /// The event that caused it; empty for a command.
    #[sea_orm(column_type = "Text")]
    pub causation_id: String,
    /// Full name of the message in the body.
    #[sea_orm(column_type = "Text")]
    pub schema: String,
    /// W3C trace context; empty where there was none.
    #[sea_orm(column_type = "Text")]
    pub traceparent: String,
    /// The message in proto3 JSON, as it stands in the log.
    #[sea_orm(column_type = "Text")]
    pub body: String,
}

/// None: it stands for itself.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of an event, whatever it is about.
    ///
    /// # Errors
    /// [`NotText`] for a body that is not text: it could not be shown.
    pub fn of(recorded: &Recorded) -> Result<Self, NotText> {
        let body = std::str::from_utf8(&recorded.body).map_err(NotText)?;
        Ok(Self::with_body(recorded, body))
    }

    /// The same of an event that nobody need be able to read: without its body, where that cannot be shown.
    pub fn shown(recorded: &Recorded) -> Self {
        let object = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(&recorded.body);
        let body = std::str::from_utf8(&recorded.body).ok();
        Self::with_body(recorded, body.filter(|_| object.is_ok()).unwrap_or("{}"))
    }

    fn with_body(recorded: &Recorded, body: &str) -> Self {
        let causation_id = recorded.causation_id.map(|id| id.to_string());
        Self {
            // A stream of one event a nanosecond takes 292 years to get past this.
            sequence: i64::try_from(recorded.sequence).unwrap_or(i64::MAX),
            event_id: recorded.event_id.to_string(),
            aggregate: recorded.aggregate.clone(),
            aggregate_id: recorded.id.clone(),
            event: recorded.event.clone(),
            actor: indexed(recorded.actor.clone()),
            time: micros(recorded.time),
            correlation_id: recorded.correlation_id.to_string(),
            causation_id: causation_id.unwrap_or_default(),
            schema: recorded.schema.clone(),
            traceparent: recorded.traceparent.clone().unwrap_or_default(),
            body: body.to_owned(),
        }
    }
}

/// The body is not UTF-8, so it is not JSON either.
#[derive(Debug, thiserror::Error)]
#[error("the event's body is not text")]
pub struct NotText(#[source] std::str::Utf8Error);
