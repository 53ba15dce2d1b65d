//! Secrets of other services, sealed.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sealed_secret")]
pub struct Model {
    /// The service that it is open to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// See [`crate::envelope`].
    pub sealed: Vec<u8>,
    /// The key-encryption key that it is sealed with: one of [`super::kek`]. None on a row that a version wrote which did
    /// not know of rotation, while this one was there already.
    pub kek_id: Option<String>,
    /// In seconds since 1970.
    pub sealed_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
