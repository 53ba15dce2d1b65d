//! Private keys, without the private part: those that are here, and those that were.

use api::{
    keystore::v1::{KeyGenerated, KeyImported},
    projection::v1::KeyOrigin,
};
use sea_orm::entity::prelude::*;

use super::{folded, instant::NEVER};

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
    /// SHA-256 of it, lower-case hex: what links it to certificates and requests.
    #[sea_orm(column_type = "Text")]
    pub spki_sha256: String,
    /// `chancery.projection.v1.KeyOrigin`.
    pub origin: i32,
    /// A certificate that is here uses it, in any version, or a pending request does. Told from
    /// their tables at the end of each batch.
    pub used: bool,
    /// How often it was exported.
    pub exports: i64,
    /// When it was the last time; [`NEVER`] before the first.
    pub last_exported: i64,
    /// When it was made or came in, microseconds since 1970.
    pub created: i64,
    /// When it was destroyed; [`NEVER`] while it is here.
    pub destroyed_at: i64,
}

/// None: rows are found by id or public key, and joined by hand.
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
            spki_sha256: folded(&event.spki_sha256),
            origin: KeyOrigin::Generated.into(),
            used: false,
            exports: 0,
            last_exported: NEVER,
            created: at,
            destroyed_at: NEVER,
        }
    }

    /// The row of a key that came in from outside.
    pub fn imported(id: &str, event: KeyImported, at: i64) -> Self {
        let generated = KeyGenerated {
            algorithm: event.algorithm,
            spki_der: event.spki_der,
            spki_sha256: event.spki_sha256,
        };
        Self {
            origin: KeyOrigin::Imported.into(),
            ..Self::generated(id, generated, at)
        }
    }
}
