//! The key-encryption keys that rows may be sealed with: one, and two while it is rotated.
//!
//! Every sealed row names its own, and the database holds it to that: none goes from here while a row needs it, and who
//! still seals with one that has gone is refused.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kek")]
pub struct Model {
    /// [`crate::kek::Kek::id`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The highest is the one to seal with.
    #[sea_orm(unique)]
    pub number: i32,
    /// A known text, sealed with it: another key is noticed before it does anything.
    pub sealed: Vec<u8>,
    /// Since when, in seconds since 1970.
    pub since: i64,
}

impl ActiveModelBehavior for ActiveModel {}
