//! An automated certificate: aggregate `automation`.
//!
//! The log is the lock. Who appends `order-intended` holds the order until the lease ends; a holder
//! that goes on (after a crash, or because the CA takes its time) appends it again for the same
//! attempt, and so does who takes over from a holder whose lease has ended.
//!
//! What begins by itself stands in its [`Agenda`]. A paused automation begins nothing by itself, and a
//! cancelled one nothing at all. An order that is under way when it is cancelled is left where it is,
//! unless the certificate request may have been sent: then it comes to its end, so that no certificate is
//! issued that nobody keeps.

mod agenda;
mod command;
mod decide;
mod version;

pub use agenda::Agenda;
pub use command::{Command, Refusal};
pub use decide::decide;
pub use version::Version;

use api::{
    acme::v1::{AutomationRequested, CertificateObtained, OrderIntended},
    convert::time,
    x509::v1::RevocationReason,
};
use bytes::Bytes;
use eventlog::{Aggregate, Envelope};
use time::OffsetDateTime;

use crate::{claims::Named, events::AutomationEvent as Event};

/// What the log says about one automated certificate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Automation {
    requested: Option<AutomationRequested>,
    phase: Phase,
    attempts: u32,
    /// Since the last certificate.
    failures: u32,
    certificate_id: Option<String>,
    /// Those that have not expired, the newest last.
    versions: Vec<Version>,
    /// The log says when the newest version is to be renewed.
    scheduled: bool,
    agenda: Agenda,
    revocation: Option<Revocation>,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Phase {
    /// Nothing: the last order is over.
    #[default]
    Idle,
    /// An order; no agent has it yet.
    Wanted,
    /// This order.
    Ordering(Order),
}

/// An order that is under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Which one of this automation's, from 1.
    pub attempt: u32,
    /// The agent that works on it.
    pub holder: String,
    /// Until then no other agent may.
    pub lease_until: OffsetDateTime,
    /// The server that it is placed at.
    pub server_id: String,
    /// Its URL, once the CA has it.
    pub url: Option<String>,
    /// What is to be sent to finalize it, once that was decided.
    pub finalize: Option<Finalize>,
}

/// The end of an order: what the CA is to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finalize {
    /// The key in the keystore.
    pub key_id: String,
    /// The certificate request.
    pub csr_der: Bytes,
}

/// A revocation that the CA is to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The version.
    pub version: u32,
    /// Its fingerprint.
    pub sha256_fingerprint: String,
    /// For the CA.
    pub reason: RevocationReason,
    /// The server that issued it.
    pub server_id: String,
}

impl Automation {
    /// What was asked for.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn requested(&self) -> Result<&AutomationRequested, Refusal> {
        self.requested.as_ref().ok_or(Refusal::NotFound)
    }

    /// What is to be done.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The certificate in the keystore, once there is one.
    pub fn certificate_id(&self) -> Option<&str> {
        self.certificate_id.as_deref()
    }

    /// The newest certificate, until it expires and another comes.
    pub fn newest(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// Whether the log says when the newest certificate is to be renewed.
    pub fn is_scheduled(&self) -> bool {
        self.scheduled
    }

    /// What begins by itself, and when.
    pub fn agenda(&self) -> &Agenda {
        &self.agenda
    }

    /// The revocation that is under way.
    pub fn revocation(&self) -> Option<&Revocation> {
        self.revocation.as_ref()
    }

    fn order(&self, attempt: u32) -> Result<&Order, Refusal> {
        match &self.phase {
            Phase::Ordering(order) if order.attempt == attempt => Ok(order),
            _ => Err(Refusal::OrderOver),
        }
    }

    fn order_of(&self, attempt: u32, holder: &str) -> Result<&Order, Refusal> {
        let order = self.order(attempt)?;
        if order.holder == holder {
            Ok(order)
        } else {
            Err(Refusal::LeaseLost)
        }
    }
}

impl Aggregate for Automation {
    const NAME: &'static str = "automation";
    type Event = Event;

    fn evolve(&mut self, event: &Event, recorded: &Envelope) {
        self.agenda.evolve(event, recorded.time);
        match event {
            Event::Requested(requested) => {
                self.requested = Some(requested.clone());
                self.phase = Phase::Wanted;
            }
            Event::RenewalStarted(_) => self.phase = Phase::Wanted,
            Event::OrderIntended(intended) => self.intend(intended),
            Event::OrderPlaced(placed) => {
                if let Phase::Ordering(order) = &mut self.phase {
                    order.url = Some(placed.order_url.clone());
                }
            }
            Event::FinalizeIntended(intended) => {
                if let Phase::Ordering(order) = &mut self.phase {
                    order.finalize = Some(Finalize {
                        key_id: intended.key_id.clone(),
                        csr_der: intended.csr_der.clone(),
                    });
                }
            }
            Event::CertificateIssued(issued) => self.obtain(issued, recorded.time),
            Event::Renewed(renewed) => self.obtain(&version::obtained(renewed), recorded.time),
            Event::IssuanceFailed(failed) | Event::RenewalFailed(failed) => {
                // Events from before failures were counted say 0.
                self.failures = failed.failures.max(self.failures + 1);
                self.phase = Phase::Idle;
            }
            Event::RenewalScheduled(_) => self.scheduled = true,
            // Else the CA may be about to issue.
            Event::Cancelled(_) if !self.agenda.busy => self.phase = Phase::Idle,
            Event::RevocationIntended(intended) => {
                let version = self.versions.iter().find(|v| v.number == intended.version);
                self.revocation = Some(Revocation {
                    version: intended.version,
                    sha256_fingerprint: intended.sha256_fingerprint.clone(),
                    reason: intended.reason(),
                    server_id: version.map(|v| v.server_id.clone()).unwrap_or_default(),
                });
            }
            Event::Revoked(revoked) => {
                self.revocation = None;
                let versions = self.versions.iter_mut();
                for version in versions.filter(|v| v.number == revoked.version) {
                    version.revoked = true;
                }
            }
            Event::RevocationFailed(_) => self.revocation = None,
            Event::Paused(_) | Event::Resumed(_) | Event::Cancelled(_) => {}
        }
    }
}

impl Named for Automation {
    /// A cancelled one leaves its name to the next, unless there is a certificate that has it.
    fn name(&self) -> Option<&str> {
        let named = !self.agenda.cancelled || self.certificate_id.is_some();
        let requested = self.requested.as_ref().filter(|_| named);
        requested.map(|r| r.friendly_name.as_str())
    }
}

impl Automation {
    fn intend(&mut self, intended: &OrderIntended) {
        self.attempts = intended.attempt;
        // A lease that cannot be read has ended.
        let lease_until = intended.lease_until.as_ref().and_then(time);
        let lease_until = lease_until.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        match &mut self.phase {
            Phase::Ordering(order) if order.attempt == intended.attempt => {
                order.holder.clone_from(&intended.holder);
                order.lease_until = lease_until;
            }
            phase => {
                let requested = self.requested.as_ref();
                let server_id = match intended.server_id.as_str() {
                    // Events from before there was a second server do not say which.
                    "" => requested.map(|r| r.server_id.clone()).unwrap_or_default(),
                    named => named.to_owned(),
                };
                *phase = Phase::Ordering(Order {
                    attempt: intended.attempt,
                    holder: intended.holder.clone(),
                    lease_until,
                    server_id,
                    url: None,
                    finalize: None,
                });
            }
        }
    }

    fn obtain(&mut self, obtained: &CertificateObtained, at: OffsetDateTime) {
        let server_id = match &self.phase {
            Phase::Ordering(order) => order.server_id.clone(),
            Phase::Idle | Phase::Wanted => String::new(),
        };
        self.phase = Phase::Idle;
        self.failures = 0;
        self.scheduled = false;
        self.certificate_id = Some(obtained.certificate_id.clone());
        // What has expired needs no revocation, and a certificate of six days has hundreds of versions.
        self.versions
            .retain(|v| v.certificate.lifetime.not_after > at);
        if let Some(certificate) = version::certificate(obtained, at) {
            self.versions.push(Version {
                number: obtained.version,
                certificate,
                server_id,
                revoked: false,
            });
        }
    }
}

#[cfg(test)]
mod tests;
