//! One row, by which a wrong key-encryption key is noticed before it does anything.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kek_check")]
pub struct Model {
    /// Always [`ONLY`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Which key it was, for people.
    pub kek_id: String,
    /// A known text, sealed.
    pub sealed: Vec<u8>,
}

/// The one row.
pub const ONLY: i32 = 1;

impl ActiveModelBehavior for ActiveModel {}
