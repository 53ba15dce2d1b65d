//! What gateways serve, followed from the log: the last version of each certificate.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "served")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub certificate_id: Uuid,
    pub version: i64,
    /// SHA-256 of its public key, hex.
    pub spki_sha256: String,
    /// Its key, where that is here: without it nothing is served.
    pub key_id: Option<Uuid>,
    /// A `ServingCredential` without its private key, encoded.
    pub credential: Vec<u8>,
    /// Made at a first start.
    pub factory: bool,
    /// It answers what no name answers.
    pub fallback: bool,
    pub deleted: bool,
    /// notAfter, in seconds since 1970.
    pub not_after: i64,
    /// The log's position of the last event that changed the row.
    pub position: i64,
}

impl ActiveModelBehavior for ActiveModel {}
