//! Private keys that are here, without the private part.

use api::keystore::v1::KeyGenerated;
use sea_orm::entity::prelude::*;

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "private_key")]
pub struct Model {
    /// The aggregate's id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// `chancery.x509.v1.KeyAlgorithm`.
    pub algorithm: i32,
    /// subjectPublicKeyInfo, DER.
    #[sea_orm(column_type = "Blob")]
    pub spki_der: Vec<u8>,
    /// SHA-256 of it, lower-case hex.
    #[sea_orm(column_type = "Text")]
    pub spki_sha256: String,
    /// When it was made, microseconds since 1970.
    pub created: i64,
}

/// None: rows are found by id, and joined by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of a key that was made.
    pub fn generated(id: &str, event: KeyGenerated, at: i64) -> Self {
        Self {
            id: id.to_owned(),
            algorithm: event.algorithm,
            spki_der: event.spki_der.to_vec(),
            spki_sha256: super::folded(&event.spki_sha256),
            created: at,
        }
    }
}
