//! An order that is ours to work on.

use std::net::IpAddr;

use api::{acme::v1::AutomationRequested, x509::v1::SubjectAltNames};
use eventlog::Origin;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    automation::{Automation, Finalize, Phase, Refusal, Version},
    client::Identifier,
};

/// What is known of the order, as it goes on.
#[derive(Debug)]
pub(super) struct Held {
    /// The automation.
    pub(super) id: String,
    /// What every event of this order brings.
    pub(super) origin: Origin,
    /// What was asked for.
    pub(super) requested: AutomationRequested,
    /// Host names and addresses, as they were asked for.
    pub(super) names: Vec<String>,
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
    /// Its newest version, where the same server issued it.
    pub(super) renews: Option<Version>,
    /// The names over which the CA found no control.
    pub(super) unproved: Vec<String>,
}

impl Held {
    /// From the state that the lease was written into.
    pub(super) fn new(id: String, origin: Origin, state: &Automation) -> Result<Self, Refusal> {
        let requested = state.requested()?.clone();
        let Phase::Ordering(order) = state.phase() else {
            return Err(Refusal::OrderOver);
        };
        let newest = state.newest();
        Ok(Self {
            id,
            origin,
            // An id that is none finds no server, and the order says so.
            server: Uuid::parse_str(&order.server_id).unwrap_or_default(),
            names: [&requested.dns_names[..], &requested.ip_addresses[..]].concat(),
            requested,
            directory_url: String::new(),
            attempt: order.attempt,
            lease_until: order.lease_until,
            url: order.url.clone(),
            finalize: order.finalize.clone(),
            certificate_id: state.certificate_id().map(str::to_owned),
            renews: newest.filter(|v| v.server_id == order.server_id).cloned(),
            unproved: Vec::new(),
        })
    }

    /// What is ordered.
    pub(super) fn identifiers(&self) -> Vec<Identifier> {
        let names = self.requested.dns_names.iter();
        let all = names.chain(&self.requested.ip_addresses);
        all.map(|name| Identifier::of(name)).collect()
    }

    /// What the certificate request asks for.
    pub(super) fn alt_names(&self) -> SubjectAltNames {
        SubjectAltNames {
            dns_names: self.requested.dns_names.clone(),
            ip_addresses: self.requested.ip_addresses.clone(),
        }
    }

    /// The addresses that were asked for.
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        // Those that are none were refused at the door.
        let addresses = self.requested.ip_addresses.iter();
        addresses.filter_map(|text| text.parse().ok())
    }

    /// The name of something that this order needs once: a repeat after a crash finds it.
    pub(super) fn item(&self, what: &str) -> String {
        format!("{what}/{}/{}", self.id, self.attempt)
    }
}
