//! The names that each automated certificate is to have, one a row, so that a caller who is held to some names finds his.

use sea_orm::entity::prelude::*;

/// One name of one automation.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "automation_name")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub automation_id: String,
    /// A DNS name (A-labels, lower case) or an address.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
}

/// None: found by the automation's id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
