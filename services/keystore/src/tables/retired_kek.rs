//! The key-encryption keys that nothing is sealed with any more. None of them comes back.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "retired_kek")]
pub struct Model {
    /// [`crate::kek::Kek::id`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The one that took its place.
    pub successor: String,
    /// How many private keys were sealed with that one then.
    pub keys: i64,
    /// Likewise, secrets of services.
    pub secrets: i64,
    /// The log is known to have its event.
    pub recorded: bool,
}

impl ActiveModelBehavior for ActiveModel {}
