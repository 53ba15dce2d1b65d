//! Certificates of CAs, from which chains are built; followed from the log.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authority")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sha256_fingerprint: String,
    /// SHA-256 of the subject's DER, hex: how issuers are looked for.
    pub subject_sha256: String,
    /// SHA-256 of the subjectKeyIdentifier, hex, where it has one: how one of many with this subject is found.
    pub key_id_sha256: Option<String>,
    pub der: Vec<u8>,
    /// It came as an issuer with a certificate from a CA, and stays whatever is deleted.
    pub embedded: bool,
    /// It was imported, and is not deleted.
    pub imported: bool,
}

impl ActiveModelBehavior for ActiveModel {}
