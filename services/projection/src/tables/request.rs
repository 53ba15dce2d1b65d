//! Certificate requests (PKCS#10), pending, fulfilled and deleted.

use api::{csr::v1::RequestCreated, projection::v1::RequestStatus};
use prost::Message;
use sea_orm::entity::prelude::*;

use super::{Unusable, folded, instant::NEVER};
use crate::events::RequestEvent;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "request")]
pub struct Model {
    /// The aggregate's id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// What people call it, and then the certificate.
    #[sea_orm(column_type = "Text")]
    pub friendly_name: String,
    /// The name as it is compared.
    #[sea_orm(column_type = "Text")]
    pub friendly_name_folded: String,
    /// `chancery.projection.v1.RequestStatus`.
    pub status: i32,
    /// `chancery.x509.v1.KeyAlgorithm`.
    pub key_algorithm: i32,
    /// SHA-256 of the key's subjectPublicKeyInfo, lower-case hex: what links it to the key.
    #[sea_orm(column_type = "Text")]
    pub spki_sha256: String,
    /// The request itself, DER.
    #[sea_orm(column_type = "Blob")]
    pub csr_der: Vec<u8>,
    /// `chancery.x509.v1.Subject`, encoded, as it will be answered.
    #[sea_orm(column_type = "Blob")]
    pub subject: Vec<u8>,
    /// `chancery.x509.v1.SubjectAltNames`, likewise.
    #[sea_orm(column_type = "Blob")]
    pub subject_alt_names: Vec<u8>,
    /// The certificate that it is to take the place of; empty where there is none.
    #[sea_orm(column_type = "Text")]
    pub renews_certificate_id: String,
    /// The certificate that answered it; empty while it is pending.
    #[sea_orm(column_type = "Text")]
    pub certificate_id: String,
    /// When it was made, microseconds since 1970.
    pub created: i64,
    /// When it was answered; [`NEVER`] while it is pending.
    pub fulfilled_at: i64,
    /// When it was deleted; [`NEVER`] while it is here. Nobody sees it any more, but the answer to
    /// it may still be on its way through the log.
    pub deleted_at: i64,
}

/// None: names are found by the request's id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row after one more event. `before` is nothing for a request that was not here.
    ///
    /// # Errors
    /// [`Unusable::Unknown`] where the event needs a row that is not there.
    pub fn after(
        before: Option<Self>,
        id: &str,
        event: RequestEvent,
        at: i64,
    ) -> Result<Self, Unusable> {
        let event = match event {
            RequestEvent::Created(created) => return Ok(Self::created(id, created, at)),
            later => later,
        };
        let mut row = before.ok_or_else(|| Unusable::Unknown {
            what: "request",
            id: id.to_owned(),
        })?;
        match event {
            // Returned above.
            RequestEvent::Created(_) => {}
            RequestEvent::Fulfilled(fulfilled) => {
                row.status = RequestStatus::Fulfilled.into();
                row.certificate_id = fulfilled.certificate_id;
                row.fulfilled_at = at;
            }
            RequestEvent::Deleted(_) => row.deleted_at = at,
        }
        Ok(row)
    }

    /// The row of a request that was made.
    fn created(id: &str, event: RequestCreated, at: i64) -> Self {
        Self {
            id: id.to_owned(),
            friendly_name_folded: folded(&event.friendly_name),
            friendly_name: event.friendly_name,
            status: RequestStatus::Pending.into(),
            key_algorithm: event.key_algorithm,
            spki_sha256: folded(&event.spki_sha256),
            csr_der: event.csr_der.to_vec(),
            subject: event.subject.unwrap_or_default().encode_to_vec(),
            subject_alt_names: event.subject_alt_names.unwrap_or_default().encode_to_vec(),
            renews_certificate_id: event.renews_certificate_id,
            certificate_id: String::new(),
            created: at,
            fulfilled_at: NEVER,
            deleted_at: NEVER,
        }
    }
}
