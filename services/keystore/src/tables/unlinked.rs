//! The outbox of chains: certificates whose chain is to be built anew.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "unlinked")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub certificate_id: Uuid,
    /// The event that asks for it.
    pub cause: Uuid,
    pub correlation: Uuid,
    /// Where the log has that event.
    pub position: i64,
}

impl ActiveModelBehavior for ActiveModel {}
