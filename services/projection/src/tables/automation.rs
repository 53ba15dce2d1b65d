//! Automated certificates: where each stands, folded from its events.

use api::{
    acme::v1::{AutomationRequested, Failure, OrderFailed},
    projection::v1::AutomationStatus,
};
use pbjson_types::Timestamp;
use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use super::{
    Texts, Unusable, folded,
    instant::{NEVER, required},
};
use crate::events::AutomationEvent;

/// One automation.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "automation")]
pub struct Model {
    /// The aggregate's id.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    /// What people call it, and the certificate.
    #[sea_orm(column_type = "Text")]
    pub friendly_name: String,
    /// The name as it is compared.
    #[sea_orm(column_type = "Text")]
    pub friendly_name_folded: String,
    /// `chancery.projection.v1.AutomationStatus`.
    pub status: i32,
    /// The ACME server that issues.
    #[sea_orm(column_type = "Text")]
    pub server_id: String,
    /// The names that the certificate shall have.
    #[sea_orm(column_type = "JsonBinary")]
    pub dns_names: Texts,
    /// `chancery.x509.v1.KeyAlgorithm`.
    pub key_algorithm: i32,
    /// `chancery.acme.v1.ChallengeType`.
    pub challenge_type: i32,
    /// The server's profile; empty for its default.
    #[sea_orm(column_type = "Text")]
    pub profile: String,
    /// Empty until the first one is here.
    #[sea_orm(column_type = "Text")]
    pub certificate_id: String,
    /// 0 until the first one is here.
    pub certificate_version: i64,
    /// The certificate's; [`NEVER`] until the first one is here.
    pub not_after: i64,
    /// The order that was begun last: 1, and one more with each.
    pub attempt: i64,
    /// The order that is under way or was the last.
    #[sea_orm(column_type = "Text")]
    pub order_url: String,
    /// The last event's name.
    #[sea_orm(column_type = "Text")]
    pub last_event: String,
    /// Set while the last order's end is a failure.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub last_failure: Option<LastFailure>,
    /// When it was requested, microseconds since 1970.
    pub created: i64,
    /// When its last event was.
    pub updated: i64,
}

/// None: the server is joined by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Why the last order failed, in proto3 JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(transparent)]
pub struct LastFailure(pub Failure);

impl Model {
    /// The row after one more event. `before` is nothing for an automation that was not here.
    ///
    /// # Errors
    /// [`Unusable`] where the event needs a row that is not there, or lacks a field.
    pub fn after(
        before: Option<Self>,
        id: &str,
        event: AutomationEvent,
        at: i64,
    ) -> Result<Self, Unusable> {
        use AutomationEvent as Event;
        let name = eventlog::EventBody::name(&event);
        let event = match event {
            Event::Requested(requested) => return Ok(Self::requested(id, requested, at)),
            later => later,
        };
        let mut row = before.ok_or_else(|| Unusable::Unknown {
            what: "automation",
            id: id.to_owned(),
        })?;
        name.clone_into(&mut row.last_event);
        row.updated = at;
        match event {
            // Returned above.
            Event::Requested(_) => {}
            Event::RenewalStarted(_) => row.under_way(),
            Event::OrderIntended(intended) => {
                row.attempt = intended.attempt.into();
                row.under_way();
            }
            Event::OrderPlaced(placed) => {
                row.attempt = placed.attempt.into();
                row.order_url = placed.order_url;
                row.under_way();
            }
            Event::FinalizeIntended(_) => row.under_way(),
            Event::CertificateIssued(got) => {
                row.holds(got.certificate_id, got.version, got.not_after.as_ref())?;
            }
            Event::Renewed(got) => {
                row.holds(got.certificate_id, got.version, got.not_after.as_ref())?;
            }
            Event::IssuanceFailed(failed) | Event::RenewalFailed(failed) => row.failed(failed),
        }
        Ok(row)
    }

    fn requested(id: &str, event: AutomationRequested, at: i64) -> Self {
        Self {
            id: id.to_owned(),
            friendly_name_folded: folded(&event.friendly_name),
            friendly_name: event.friendly_name,
            status: AutomationStatus::Pending.into(),
            server_id: event.server_id,
            dns_names: Texts(event.dns_names),
            key_algorithm: event.key_algorithm,
            challenge_type: event.challenge_type,
            profile: event.profile,
            certificate_id: String::new(),
            certificate_version: 0,
            not_after: NEVER,
            attempt: 0,
            order_url: String::new(),
            last_event: "requested".to_owned(),
            last_failure: None,
            created: at,
            updated: at,
        }
    }

    fn under_way(&mut self) {
        let status = if self.certificate_id.is_empty() {
            AutomationStatus::Pending
        } else {
            AutomationStatus::Renewing
        };
        self.status = status.into();
    }

    fn holds(
        &mut self,
        certificate_id: String,
        version: u32,
        not_after: Option<&Timestamp>,
    ) -> Result<(), Unusable> {
        self.certificate_id = certificate_id;
        self.certificate_version = version.into();
        self.not_after = required("not_after", not_after)?;
        self.status = AutomationStatus::Active.into();
        self.last_failure = None;
        Ok(())
    }

    fn failed(&mut self, event: OrderFailed) {
        self.attempt = event.attempt.into();
        self.status = AutomationStatus::Failed.into();
        self.last_failure = Some(LastFailure(event.failure.unwrap_or_default()));
    }
}
