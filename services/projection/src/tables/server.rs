//! Accounts at ACME servers.

use api::acme::v1::ServerRegistered;
use sea_orm::entity::prelude::*;

use super::{Texts, folded};

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
    #[sea_orm(column_type = "JsonBinary")]
    pub caa_identities: Texts,
    /// The directory's profiles.
    #[sea_orm(column_type = "JsonBinary")]
    pub profiles: Texts,
    /// Empty where the account was not bound to one at the CA.
    #[sea_orm(column_type = "Text")]
    pub external_account_key_id: String,
    /// When it was registered, microseconds since 1970.
    pub created: i64,
}

/// None: automations are joined by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of a server that was registered.
    pub fn registered(id: &str, event: ServerRegistered, at: i64) -> Self {
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
        }
    }
}
