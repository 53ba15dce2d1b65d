//! What uses a key: a key that is used is not destroyed.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "key_use")]
pub struct Model {
    /// SHA-256 of the subjectPublicKeyInfo, hex; the key itself need not be here.
    #[sea_orm(primary_key, auto_increment = false)]
    pub spki_sha256: String,
    /// The certificate, the request, or, of an order, the key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub holder: Uuid,
    pub user: User,
    /// When somebody was last about to append the event that makes it used, in seconds since 1970.
    pub touched_at: i64,
    /// The follower has seen that event.
    pub recorded: bool,
}

/// Who uses a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum User {
    /// A certificate, by its newest version.
    #[sea_orm(string_value = "certificate")]
    Certificate,
    /// A pending certificate request.
    #[sea_orm(string_value = "request")]
    Request,
    /// An order at an ACME server, for a while.
    #[sea_orm(string_value = "order")]
    Order,
}

impl ActiveModelBehavior for ActiveModel {}
