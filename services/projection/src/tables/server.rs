//! Accounts at ACME servers.

use api::acme::v1::ServerRegistered;
use sea_orm::entity::prelude::*;

use super::{Texts, Unusable, folded, instant::NEVER};
use crate::events::ServerEvent;

/// One ACME server with our account there.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "acme_server")]
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
    /// Where its directory is (RFC 8555, section 7.1.1).
    #[sea_orm(column_type = "Text")]
    pub directory_url: String,
    /// The URL as it is compared.
    #[sea_orm(column_type = "Text")]
    pub directory_url_folded: String,
    /// Our account there.
    #[sea_orm(column_type = "Text")]
    pub account_url: String,
    /// RFC 7638 thumbprint of the account key, base64url.
    #[sea_orm(column_type = "Text")]
    pub account_key_thumbprint: String,
    /// Empty where the directory names none.
    #[sea_orm(column_type = "Text")]
    pub terms_of_service_url: String,
    /// Empty where the directory names none.
    #[sea_orm(column_type = "Text")]
    pub website_url: String,
    /// The domains that the CA recognises in CAA records.
    #[sea_orm(column_type = "Text")]
    pub caa_identities: Texts,
    /// The directory's profiles.
    #[sea_orm(column_type = "Text")]
    pub profiles: Texts,
    /// Empty where the account was not bound to one at the CA.
    #[sea_orm(column_type = "Text")]
    pub external_account_key_id: String,
    /// When it was registered, microseconds since 1970.
    pub created: i64,
    /// When the account has ended; [`NEVER`] while it goes on.
    pub deactivated_at: i64,
}

/// None: automations are joined by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row after one more event. `before` is nothing for a server that was not here.
    ///
    /// # Errors
    /// [`Unusable::Unknown`] where the event needs a row that is not there.
    pub fn after(
        before: Option<Self>,
        id: &str,
        event: ServerEvent,
        at: i64,
    ) -> Result<Self, Unusable> {
        let event = match event {
            ServerEvent::Registered(registered) => return Ok(Self::registered(id, registered, at)),
            later => later,
        };
        let mut row = before.ok_or_else(|| Unusable::Unknown {
            what: "acme-server",
            id: id.to_owned(),
        })?;
        match event {
            // The first is returned above; of the other the addresses are not in the log.
            ServerEvent::Registered(_) | ServerEvent::ContactUpdated(_) => {}
            ServerEvent::AccountKeyRolled(rolled) => {
                row.account_key_thumbprint = rolled.account_key_thumbprint;
            }
            ServerEvent::Deactivated(_) => row.deactivated_at = at,
        }
        Ok(row)
    }

    fn registered(id: &str, event: ServerRegistered, at: i64) -> Self {
        Self {
            id: id.to_owned(),
            name_folded: folded(&event.name),
            name: event.name,
            directory_url_folded: folded(&event.directory_url),
            directory_url: event.directory_url,
            account_url: event.account_url,
            account_key_thumbprint: event.account_key_thumbprint,
            terms_of_service_url: event.terms_of_service_url,
            website_url: event.website_url,
            caa_identities: Texts(event.caa_identities),
            profiles: Texts(event.profiles),
            external_account_key_id: event.external_account_key_id,
            created: at,
            deactivated_at: NEVER,
        }
    }
}
