//! What gateways serve, followed from the log: the last version of each certificate.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "served")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub certificate_id: Uuid,
    pub version: i64,
    pub key_id: Uuid,
    /// A `ServingCredential` without its private key, encoded.
    pub credential: Vec<u8>,
    /// Made at a first start.
    pub factory: bool,
    /// notAfter, in seconds since 1970.
    pub not_after: i64,
    /// The log's position of the event.
    pub position: i64,
}

impl ActiveModelBehavior for ActiveModel {}
