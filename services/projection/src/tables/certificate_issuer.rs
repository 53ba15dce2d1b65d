//! The chain of each certificate's newest version: which issuers, in which order.

use sea_orm::entity::prelude::*;

/// One place in one chain.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certificate_issuer")]
pub struct Model {
    /// Whose chain.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub certificate_id: String,
    /// 0 for the leaf's own issuer.
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: i32,
    /// The row in [`super::issuer`].
    #[sea_orm(column_type = "Text")]
    pub sha256_fingerprint: String,
}

/// None: found by the certificate's id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
