//! An order that is ours to work on.

use api::acme::v1::AutomationRequested;
use eventlog::Origin;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::automation::{Automation, Finalize, Phase, Refusal};

/// What is known of the order, as it goes on.
#[derive(Debug)]
pub(super) struct Held {
    /// The automation.
    pub(super) id: String,
    /// What every event of this order brings.
    pub(super) origin: Origin,
    /// What was asked for.
    pub(super) requested: AutomationRequested,
    /// Where from.
    pub(super) server: Uuid,
    /// Its directory; empty until the server was looked up.
    pub(super) directory_url: String,
    /// Which one of the automation's orders.
    pub(super) attempt: u32,
    /// Until then nobody else works on it.
    pub(super) lease_until: OffsetDateTime,
    /// Its URL, once it is placed.
    pub(super) url: Option<String>,
    /// What finalizes it, once that was decided.
    pub(super) finalize: Option<Finalize>,
    /// The certificate that it renews.
    pub(super) certificate_id: Option<String>,
}

impl Held {
    /// From the state that the lease was written into.
    pub(super) fn new(id: String, origin: Origin, state: &Automation) -> Result<Self, Refusal> {
        let requested = state.requested()?.clone();
        let Phase::Ordering(order) = state.phase() else {
            return Err(Refusal::OrderOver);
        };
        Ok(Self {
            id,
            origin,
            // An id that is none finds no server, and the order says so.
            server: Uuid::parse_str(&order.server_id).unwrap_or_default(),
            requested,
            directory_url: String::new(),
            attempt: order.attempt,
            lease_until: order.lease_until,
            url: order.url.clone(),
            finalize: order.finalize.clone(),
            certificate_id: state.certificate_id().map(str::to_owned),
        })
    }

    /// The name of something that this order needs once: a repeat after a crash finds it.
    pub(super) fn item(&self, what: &str) -> String {
        format!("{what}/{}/{}", self.id, self.attempt)
    }
}
