//! What must hold across certificates: whose a name is, and whose a fingerprint.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "claim")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: Kind,
    #[sea_orm(primary_key, auto_increment = false)]
    pub value: String,
    /// The certificate.
    pub holder: Uuid,
    /// When somebody was last about to append the event that it is for, in seconds since 1970.
    pub touched_at: i64,
    /// The log is known to have that event.
    pub recorded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Kind {
    #[sea_orm(string_value = "name")]
    Name,
    #[sea_orm(string_value = "fingerprint")]
    Fingerprint,
}

impl ActiveModelBehavior for ActiveModel {}
