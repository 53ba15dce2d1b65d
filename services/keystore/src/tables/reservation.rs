//! Requests that wait for a certificate, and what would answer them.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reservation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub request_id: Uuid,
    /// The key that it was made for.
    pub key_id: Uuid,
    pub spki_sha256: String,
    /// The names that were asked for: a `SubjectAltNames`, encoded.
    pub names: Vec<u8>,
    /// Microseconds since 1970: of several that a certificate answers, the oldest counts.
    pub reserved_at: i64,
    /// When csr-service was last about to append the request, in seconds since 1970.
    pub touched_at: i64,
    /// The follower has seen the request in the log.
    pub recorded: bool,
}

impl ActiveModelBehavior for ActiveModel {}
