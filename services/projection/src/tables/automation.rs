//! Automated certificates: where each stands, folded from its events.

use api::acme::v1::{AutomationRequested, Failure, OrderFailed, RenewalScheduled, ScheduleReason};
use pbjson_types::Timestamp;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    Texts, Unusable, folded,
    instant::{NEVER, optional, required},
};
use crate::{
    events::AutomationEvent,
    status::{self, Renewal, Standing},
};

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
    /// The ACME server that issues.
    #[sea_orm(column_type = "Text")]
    pub server_id: String,
    /// The second server; empty where there is none.
    #[sea_orm(column_type = "Text")]
    pub fallback_server_id: String,
    /// The names that the certificate shall have.
    #[sea_orm(column_type = "Text")]
    pub dns_names: Texts,
    /// The addresses that it shall have.
    #[sea_orm(column_type = "Text")]
    pub ip_addresses: Texts,
    /// `chancery.x509.v1.KeyAlgorithm`.
    pub key_algorithm: i32,
    /// `chancery.acme.v1.ChallengeType`.
    pub challenge_type: i32,
    /// Who writes the records of challenges; empty where the challenge needs none.
    #[sea_orm(column_type = "Text")]
    pub dns_provider_id: String,
    /// The server's profile; empty for its default.
    #[sea_orm(column_type = "Text")]
    pub profile: String,
    /// The issuer at the top of the chain to prefer; empty for the server's default.
    #[sea_orm(column_type = "Text")]
    pub preferred_chain: String,
    /// Empty until the first one is here.
    #[sea_orm(column_type = "Text")]
    pub certificate_id: String,
    /// 0 until the first one is here.
    pub certificate_version: i64,
    /// The certificate's; [`NEVER`] until the first one is here.
    pub not_before: i64,
    /// Likewise.
    pub not_after: i64,
    /// The CA has revoked that version.
    pub revoked: bool,
    /// When it is to be renewed, paused or not; [`NEVER`] until the first one is here.
    pub due_at: i64,
    /// From then on it is an error that there is no newer one; of a first one, as soon as it failed.
    pub error_at: i64,
    /// [`Renewal`]: how the next one comes.
    pub renewal: i32,
    /// When the next renewal begins by itself; [`NEVER`] where none does.
    pub renew_at: i64,
    /// `chancery.acme.v1.ScheduleReason`.
    pub schedule_reason: i32,
    /// The CA's window for the next renewal (RFC 9773); [`NEVER`] where it names none.
    pub window_start: i64,
    /// Likewise.
    pub window_end: i64,
    /// Where the CA explains its window.
    #[sea_orm(column_type = "Text")]
    pub explanation_url: String,
    /// The order that was begun last: 1, and one more with each.
    pub attempt: i64,
    /// The order that is under way or was the last.
    #[sea_orm(column_type = "Text")]
    pub order_url: String,
    /// An order is under way, or wanted at once.
    pub ordering: bool,
    /// How many orders failed since the last certificate.
    pub failures: i64,
    /// When the first of them failed; [`NEVER`] where none did.
    pub failing_since: i64,
    /// When a failed order is tried again by itself; [`NEVER`] where it is not.
    pub retry_at: i64,
    /// No other try can succeed before a person has acted.
    pub refused: bool,
    /// Set while the last order's end is a failure.
    #[sea_orm(column_type = "Text", nullable)]
    pub last_failure: Option<KeptFailure>,
    /// Why the CA would not revoke a version.
    #[sea_orm(column_type = "Text", nullable)]
    pub revocation_failure: Option<KeptFailure>,
    /// No renewal begins by itself. Beside `paused_at`, so that it has an index of two values.
    pub paused: bool,
    /// Since when; [`NEVER`] where it is not paused.
    pub paused_at: i64,
    /// In a person's words; may be empty.
    #[sea_orm(column_type = "Text")]
    pub pause_reason: String,
    /// It has ended for good. Beside `cancelled_at`, likewise.
    pub cancelled: bool,
    /// Since when; [`NEVER`] while it goes on.
    pub cancelled_at: i64,
    /// The last event's name.
    #[sea_orm(column_type = "Text")]
    pub last_event: String,
    /// When it was requested, microseconds since 1970.
    pub created: i64,
    /// When its last event was.
    pub updated: i64,
}

/// None: servers, providers and certificates are joined by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Why something with a CA failed, in proto3 JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeptFailure(pub Failure);

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
            Event::RenewalScheduled(scheduled) => row.scheduled(scheduled)?,
            Event::RenewalStarted(_) | Event::FinalizeIntended(_) => row.ordering = true,
            Event::OrderIntended(intended) => {
                row.attempt = intended.attempt.into();
                row.ordering = true;
            }
            Event::OrderPlaced(placed) => {
                row.attempt = placed.attempt.into();
                row.order_url = placed.order_url;
                row.ordering = true;
            }
            Event::CertificateIssued(got) => {
                let life = (got.not_before.as_ref(), got.not_after.as_ref());
                row.holds(got.certificate_id, got.version, life)?;
            }
            Event::Renewed(got) => {
                let life = (got.not_before.as_ref(), got.not_after.as_ref());
                row.holds(got.certificate_id, got.version, life)?;
            }
            Event::IssuanceFailed(failed) | Event::RenewalFailed(failed) => row.failed(failed, at),
            Event::Paused(paused) => {
                row.paused_since(at);
                row.pause_reason = paused.reason;
            }
            Event::Resumed(_) => row.paused_since(NEVER),
            Event::Cancelled(_) => {
                row.cancelled = true;
                row.cancelled_at = at;
                row.ordering = false;
            }
            Event::RevocationIntended(_) => row.revocation_failure = None,
            Event::Revoked(revoked) => {
                row.revoked |= row.certificate_version == i64::from(revoked.version);
                row.revocation_failure = None;
            }
            Event::RevocationFailed(failed) => {
                row.revocation_failure = Some(KeptFailure(failed.failure.unwrap_or_default()));
            }
        }
        row.settle();
        Ok(row)
    }

    /// What its status is told from.
    pub fn standing(&self) -> Standing {
        Standing {
            revoked: self.revoked,
            not_before: self.not_before,
            not_after: self.not_after,
            due_at: self.due_at,
            error_at: self.error_at,
            renewal: self.renewal.into(),
        }
    }

    fn requested(id: &str, event: AutomationRequested, at: i64) -> Self {
        Self {
            id: id.to_owned(),
            friendly_name_folded: folded(&event.friendly_name),
            friendly_name: event.friendly_name,
            server_id: event.server_id,
            fallback_server_id: event.fallback_server_id,
            dns_names: Texts(event.dns_names),
            ip_addresses: Texts(event.ip_addresses),
            key_algorithm: event.key_algorithm,
            challenge_type: event.challenge_type,
            dns_provider_id: event.dns_provider_id,
            profile: event.profile,
            preferred_chain: event.preferred_chain,
            certificate_id: String::new(),
            certificate_version: 0,
            not_before: NEVER,
            not_after: NEVER,
            revoked: false,
            due_at: NEVER,
            error_at: NEVER,
            renewal: Renewal::Ordering.into(),
            renew_at: NEVER,
            schedule_reason: ScheduleReason::Unspecified.into(),
            window_start: NEVER,
            window_end: NEVER,
            explanation_url: String::new(),
            attempt: 0,
            order_url: String::new(),
            ordering: true,
            failures: 0,
            failing_since: NEVER,
            retry_at: NEVER,
            refused: false,
            last_failure: None,
            revocation_failure: None,
            paused: false,
            paused_at: NEVER,
            pause_reason: String::new(),
            cancelled: false,
            cancelled_at: NEVER,
            last_event: "requested".to_owned(),
            created: at,
            updated: at,
        }
    }

    fn scheduled(&mut self, event: RenewalScheduled) -> Result<(), Unusable> {
        self.due_at = required("renew_at", event.renew_at.as_ref())?;
        self.error_at = required("error_at", event.error_at.as_ref())?;
        self.schedule_reason = event.reason;
        self.window_start = optional(event.window_start.as_ref());
        self.window_end = optional(event.window_end.as_ref());
        self.explanation_url = event.explanation_url;
        Ok(())
    }

    fn holds(
        &mut self,
        certificate_id: String,
        version: u32,
        (not_before, not_after): (Option<&Timestamp>, Option<&Timestamp>),
    ) -> Result<(), Unusable> {
        self.certificate_id = certificate_id;
        self.certificate_version = version.into();
        self.not_before = required("not_before", not_before)?;
        self.not_after = required("not_after", not_after)?;
        self.revoked = false;
        // Until the agent says what the CA has to say about it.
        (self.due_at, self.error_at) = status::marks(self.not_before, self.not_after);
        self.schedule_reason = ScheduleReason::Lifetime.into();
        (self.window_start, self.window_end) = (NEVER, NEVER);
        self.explanation_url.clear();
        self.ordering = false;
        self.failures = 0;
        self.failing_since = NEVER;
        self.retry_at = NEVER;
        self.refused = false;
        self.last_failure = None;
        Ok(())
    }

    fn failed(&mut self, event: OrderFailed, at: i64) {
        self.attempt = event.attempt.into();
        self.ordering = false;
        // The first version of this event did not count.
        self.failures = i64::from(event.failures).max(self.failures + 1);
        self.failing_since = self.failing_since.min(at);
        self.retry_at = optional(event.retry_at.as_ref());
        self.refused = event.needs_person;
        self.last_failure = Some(KeptFailure(event.failure.unwrap_or_default()));
        if self.certificate_version == 0 {
            self.error_at = AT_ONCE;
        }
    }

    fn paused_since(&mut self, at: i64) {
        self.paused = at != NEVER;
        self.paused_at = at;
        self.pause_reason.clear();
    }

    /// What follows from all the rest.
    fn settle(&mut self) {
        let renewal = match &self.last_failure {
            _ if self.cancelled => Renewal::None,
            _ if self.ordering => Renewal::Ordering,
            // Somebody has to act, although it is tried once a day all the same.
            Some(_) if self.refused || self.retry_at == NEVER => Renewal::Refused,
            _ if self.paused => Renewal::None,
            Some(_) => Renewal::Retried,
            None => Renewal::Scheduled,
        };
        self.renewal = renewal.into();
        self.renew_at = if self.paused || self.cancelled {
            NEVER
        } else {
            self.due_at
        };
        if self.cancelled && self.certificate_version == 0 {
            // Nobody waits for it any more.
            self.error_at = NEVER;
        }
    }
}

/// Before every time at which somebody asks, whatever his clock says.
const AT_ONCE: i64 = i64::MIN;
