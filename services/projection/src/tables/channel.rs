//! Channels for notifications, without addresses and secrets: those are not in the log.

use api::notifier::v1::{ChannelCreated, Rule};
use prost::Message;
use sea_orm::entity::prelude::*;

use super::{Unusable, folded, instant::NEVER};
use crate::events::ChannelEvent;

/// One channel.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "channel")]
pub struct Model {
    /// The aggregate's id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// What people call it.
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The name as it is compared.
    #[sea_orm(column_type = "Text")]
    pub name_folded: String,
    /// `chancery.notifier.v1.ChannelKind`.
    pub kind: i32,
    /// `chancery.notifier.v1.Rule`, encoded, as it will be answered.
    #[sea_orm(column_type = "Blob")]
    pub rule: Vec<u8>,
    /// When it was made, microseconds since 1970.
    pub created: i64,
    /// When it last took a message about an alert; [`NEVER`] before the first.
    pub last_notified: i64,
    /// When it last did not; [`NEVER`] before the first.
    pub last_failed: i64,
    /// Why not.
    #[sea_orm(column_type = "Text")]
    pub last_failure: String,
    /// When it was deleted; [`NEVER`] while it is here. Nobody sees it any more, but what was sent
    /// through it may still be on its way through the log.
    pub deleted_at: i64,
}

/// None: it stands for itself.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row after one more event. `before` is nothing for a channel that was not here.
    ///
    /// # Errors
    /// [`Unusable::Unknown`] where the event needs a row that is not there.
    pub fn after(
        before: Option<Self>,
        id: &str,
        event: ChannelEvent,
        at: i64,
    ) -> Result<Self, Unusable> {
        let event = match event {
            ChannelEvent::Created(created) => return Ok(Self::created(id, created, at)),
            later => later,
        };
        let mut row = before.ok_or_else(|| Unusable::Unknown {
            what: "channel",
            id: id.to_owned(),
        })?;
        match event {
            // Returned above.
            ChannelEvent::Created(_) => {}
            ChannelEvent::Updated(updated) => row.is(updated.name, updated.rule),
            ChannelEvent::Deleted(_) => row.deleted_at = at,
        }
        Ok(row)
    }

    fn created(id: &str, event: ChannelCreated, at: i64) -> Self {
        let mut row = Self {
            id: id.to_owned(),
            name: String::new(),
            name_folded: String::new(),
            kind: event.kind,
            rule: Vec::new(),
            created: at,
            last_notified: NEVER,
            last_failed: NEVER,
            last_failure: String::new(),
            deleted_at: NEVER,
        };
        row.is(event.name, event.rule);
        row
    }

    fn is(&mut self, name: String, rule: Option<Rule>) {
        self.name_folded = folded(&name);
        self.name = name;
        self.rule = rule.unwrap_or_default().encode_to_vec();
    }
}
