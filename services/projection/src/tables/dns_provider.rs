//! DNS providers: who writes TXT records for us, without the secrets.

use std::collections::BTreeMap;

use api::acme::v1::DnsProviderAdded;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Unusable, folded, instant::NEVER};
use crate::events::DnsProviderEvent;

/// One DNS provider.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dns_provider")]
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
    /// For example "rfc2136"; compared as it is.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// What is not secret of what it was told.
    #[sea_orm(column_type = "Text")]
    pub settings: Settings,
    /// When it was added, microseconds since 1970.
    pub created: i64,
    /// When it was removed; [`NEVER`] while it is here. Nobody sees it any more.
    pub removed_at: i64,
}

/// None: the automations that use it are found by its id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Settings by the field's id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(pub BTreeMap<String, String>);

impl Model {
    /// The row after one more event. `before` is nothing for a provider that was not here.
    ///
    /// # Errors
    /// [`Unusable::Unknown`] where the event needs a row that is not there.
    pub fn after(
        before: Option<Self>,
        id: &str,
        event: DnsProviderEvent,
        at: i64,
    ) -> Result<Self, Unusable> {
        match event {
            DnsProviderEvent::Added(added) => Ok(Self::added(id, added, at)),
            DnsProviderEvent::Removed(_) => {
                let row = before.ok_or_else(|| Unusable::Unknown {
                    what: "dns-provider",
                    id: id.to_owned(),
                })?;
                Ok(Self {
                    removed_at: at,
                    ..row
                })
            }
        }
    }

    fn added(id: &str, event: DnsProviderAdded, at: i64) -> Self {
        Self {
            id: id.to_owned(),
            name_folded: folded(&event.name),
            name: event.name,
            kind: folded(&event.kind),
            settings: Settings(event.settings.into_iter().collect()),
            created: at,
            removed_at: NEVER,
        }
    }
}
