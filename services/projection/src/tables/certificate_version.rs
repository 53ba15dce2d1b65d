//! Every version of every certificate: an old fingerprint still finds its certificate, and a key all that used it.

use sea_orm::entity::prelude::*;

use super::{certificate::Version, folded};

/// One version of one certificate.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certificate_version")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub certificate_id: String,
    /// 1 for the first.
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    /// Its key.
    #[sea_orm(column_type = "Text")]
    pub key_id: String,
    /// SHA-256 of the DER, lower-case hex.
    #[sea_orm(column_type = "Text")]
    pub sha256_fingerprint: String,
    /// When it came, microseconds since 1970.
    pub created: i64,
}

/// None: found by the certificate's id, the key's id, or the fingerprint.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of a version.
    pub fn of(certificate_id: &str, version: &Version, at: i64) -> Self {
        Self {
            certificate_id: certificate_id.to_owned(),
            version: version.number.into(),
            key_id: version.key_id.clone(),
            sha256_fingerprint: folded(&version.certificate.sha256_fingerprint),
            created: at,
        }
    }
}
