//! Every version of every certificate: an old fingerprint still finds its certificate, and a key all that used it.

use api::x509::v1::RevocationReason;
use sea_orm::entity::prelude::*;

use super::{certificate::Version, folded, instant::NEVER};

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
    /// SHA-256 of its key's subjectPublicKeyInfo, lower-case hex: what links it to the key.
    #[sea_orm(column_type = "Text")]
    pub spki_sha256: String,
    /// SHA-256 of the DER, lower-case hex.
    #[sea_orm(column_type = "Text")]
    pub sha256_fingerprint: String,
    /// Hex, lower case.
    #[sea_orm(column_type = "Text")]
    pub serial_number: String,
    /// Valid from then on, microseconds since 1970.
    pub not_before: i64,
    /// Valid up to then.
    pub not_after: i64,
    /// When it came, microseconds since 1970.
    pub created: i64,
    /// When its CA has revoked it; [`NEVER`] where it has not.
    pub revoked_at: i64,
    /// `chancery.x509.v1.RevocationReason`.
    pub revocation_reason: i32,
}

/// None: found by the certificate's id, the public key, or the fingerprint.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of a version.
    pub fn of(certificate_id: &str, version: &Version, at: i64) -> Self {
        let certificate = &version.certificate;
        Self {
            certificate_id: certificate_id.to_owned(),
            version: version.number.into(),
            spki_sha256: folded(&certificate.spki_sha256),
            sha256_fingerprint: folded(&certificate.sha256_fingerprint),
            serial_number: certificate.serial_number.clone(),
            not_before: version.not_before,
            not_after: version.not_after,
            created: at,
            revoked_at: NEVER,
            revocation_reason: RevocationReason::Unspecified.into(),
        }
    }
}
