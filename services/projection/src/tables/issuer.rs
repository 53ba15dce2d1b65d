//! Issuers' certificates, each once: thousands of leaves share a few.

use api::x509;
use prost::Message;
use sea_orm::entity::prelude::*;

use super::folded;

/// One issuer's certificate.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "issuer")]
pub struct Model {
    /// SHA-256 of the DER, lower-case hex.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub sha256_fingerprint: String,
    /// The certificate whole: `chancery.x509.v1.Certificate`, encoded, as it will be answered.
    #[sea_orm(column_type = "Blob")]
    pub certificate: Vec<u8>,
}

/// None: found by the fingerprint.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of an issuer.
    pub fn of(certificate: &x509::v1::Certificate) -> Self {
        Self {
            sha256_fingerprint: folded(&certificate.sha256_fingerprint),
            certificate: certificate.encode_to_vec(),
        }
    }
}
