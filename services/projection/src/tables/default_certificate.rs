//! Which certificate answers connections that no name answers: one row at most.

use sea_orm::entity::prelude::*;

/// The choice.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "default_certificate")]
pub struct Model {
    /// The id of the aggregate that holds the choice.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// Empty where none is chosen any more.
    #[sea_orm(column_type = "Text")]
    pub certificate_id: String,
}

/// None: it is the one row.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
