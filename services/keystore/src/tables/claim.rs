//! What must hold across aggregates: see [`crate::claims`].

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "claim")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: Kind,
    #[sea_orm(primary_key, auto_increment = false)]
    pub value: String,
    /// The certificate, request or key.
    pub holder: Uuid,
    /// When somebody was last about to append the event that it is for, in seconds since 1970.
    pub touched_at: i64,
    /// The follower has seen that event.
    pub recorded: bool,
    /// Of a name: the pending request that the holder has it from.
    pub previous_holder: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Kind {
    /// A friendly name, of a certificate or a pending request.
    #[sea_orm(string_value = "name")]
    Name,
    /// A certificate's SHA-256.
    #[sea_orm(string_value = "fingerprint")]
    Fingerprint,
    /// A certificate that is, or is about to be, the default.
    #[sea_orm(string_value = "default")]
    Default,
    /// A certificate that is deleted, or about to be.
    #[sea_orm(string_value = "deletion")]
    Deletion,
    /// The SHA-256 of the public key of a key that is about to be destroyed.
    #[sea_orm(string_value = "destruction")]
    Destruction,
}

impl ActiveModelBehavior for ActiveModel {}
