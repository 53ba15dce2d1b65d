//! The names that each certificate request asks for, one a row, so that a name finds its requests.

use sea_orm::entity::prelude::*;

/// One name of one request.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "request_name")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub request_id: String,
    /// A DNS name (A-labels, lower case) or an address.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
}

/// None: found by the request's id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
