//! Private keys, sealed.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sealed_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub algorithm: String,
    /// In the clear: it is public.
    pub spki_der: Vec<u8>,
    /// SHA-256 of it, hex: what links a key to its certificates.
    pub spki_sha256: String,
    /// See [`crate::envelope`].
    pub sealed: Vec<u8>,
    /// The key-encryption key that it is sealed with: one of [`super::kek`]. None on a row that a version wrote which did
    /// not know of rotation, while this one was there already.
    pub kek_id: Option<String>,
    /// When somebody was last about to append its event, in seconds since 1970.
    pub touched_at: i64,
    /// The log is known to have its event.
    pub recorded: bool,
}

impl ActiveModelBehavior for ActiveModel {}
