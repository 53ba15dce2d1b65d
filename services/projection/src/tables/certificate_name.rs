//! The names of each certificate's newest version, one a row, so that a name finds its certificates.

use sea_orm::entity::prelude::*;

/// One name of one certificate.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certificate_name")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub certificate_id: String,
    /// A DNS name (A-labels, lower case) or an address.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
}

/// None: found by the certificate's id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
