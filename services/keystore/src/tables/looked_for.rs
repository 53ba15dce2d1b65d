//! For whose certificates a chain has looked: where one comes, the chain may get better.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "looked_for")]
pub struct Model {
    /// SHA-256 of the issuer's name in DER, hex.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject_sha256: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub certificate_id: Uuid,
}

impl ActiveModelBehavior for ActiveModel {}
