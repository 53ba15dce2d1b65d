//! An automated certificate: aggregate `automation`.
//!
//! The log is the lock. Who appends `order-intended` holds the order until the lease ends; a holder
//! that goes on (after a crash, or because the CA takes its time) appends it again for the same
//! attempt, and so does who takes over from a holder whose lease has ended.

use api::{
    acme::v1::{
        AutomationRenewed, AutomationRequested, CertificateObtained, Failure, FinalizeIntended,
        OrderFailed, OrderIntended, OrderPlaced, RenewalStarted,
    },
    convert::{time, timestamp},
};
use bytes::Bytes;
use eventlog::{Aggregate, Envelope};
use time::{Duration, OffsetDateTime};

use crate::{claims::Named, events::AutomationEvent as Event};

/// What the log says about one automated certificate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Automation {
    requested: Option<AutomationRequested>,
    phase: Phase,
    attempts: u32,
    certificate_id: Option<String>,
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

    fn evolve(&mut self, event: &Event, _: &Envelope) {
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
            Event::CertificateIssued(issued) => {
                self.certificate_id = Some(issued.certificate_id.clone());
                self.phase = Phase::Idle;
            }
            Event::Renewed(_) | Event::IssuanceFailed(_) | Event::RenewalFailed(_) => {
                self.phase = Phase::Idle;
            }
            Event::RenewalScheduled(_)
            | Event::Paused(_)
            | Event::Resumed(_)
            | Event::Cancelled(_)
            | Event::RevocationIntended(_)
            | Event::Revoked(_)
            | Event::RevocationFailed(_) => {}
        }
    }
}

impl Named for Automation {
    fn name(&self) -> Option<&str> {
        self.requested.as_ref().map(|r| r.friendly_name.as_str())
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
                *phase = Phase::Ordering(Order {
                    attempt: intended.attempt,
                    holder: intended.holder.clone(),
                    lease_until,
                    url: None,
                    finalize: None,
                });
            }
        }
    }
}

/// What can be asked of an automated certificate.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// A person wants it.
    Request(AutomationRequested),
    /// A person wants the next version, or another try.
    RenewNow,
    /// An agent wants to work on the order, or to go on with it.
    IntendOrder {
        /// The agent.
        holder: String,
        /// The time.
        now: OffsetDateTime,
        /// How long no other agent may.
        lease: Duration,
    },
    /// The CA has the order.
    PlaceOrder {
        /// Which one.
        attempt: u32,
        /// The agent.
        holder: String,
        /// The order's URL.
        url: String,
        /// When the CA drops it.
        expires: Option<OffsetDateTime>,
    },
    /// The certificate request is ready to be sent.
    IntendFinalize {
        /// Which order.
        attempt: u32,
        /// The agent.
        holder: String,
        /// The time.
        now: OffsetDateTime,
        /// What is to be sent.
        finalize: Finalize,
    },
    /// The keystore has the certificate.
    Complete(CertificateObtained),
    /// The order came to nothing.
    Fail {
        /// Which order.
        attempt: u32,
        /// The agent.
        holder: String,
        /// Why.
        failure: Failure,
    },
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody requested it.
    #[error("there is no such automated certificate")]
    NotFound,
    /// It was requested before.
    #[error("this automated certificate is there already")]
    AlreadyRequested,
    /// One order at a time.
    #[error("an order for this certificate is under way; wait for its end")]
    OrderUnderWay,
    /// There is nothing to order.
    #[error("no order is wanted")]
    NothingWanted,
    /// Another agent works on it.
    #[error("another agent works on this order until {until}")]
    HeldElsewhere {
        /// The end of its lease.
        until: OffsetDateTime,
    },
    /// Another agent has taken over, or the lease has ended.
    #[error("the lease on this order has ended")]
    LeaseLost,
    /// The order has ended already, or is another one.
    #[error("this order is over")]
    OrderOver,
    /// That step was done before.
    #[error("this step of the order was done before")]
    StepDone,
}

/// Decides on one command.
///
/// # Errors
/// What the rules say against it.
pub fn decide(state: &Automation, command: Command) -> Result<Event, Refusal> {
    if let Command::Request(requested) = command {
        return match state.requested {
            None => Ok(Event::Requested(requested)),
            Some(_) => Err(Refusal::AlreadyRequested),
        };
    }
    state.requested()?;
    match command {
        Command::Request(_) => Err(Refusal::AlreadyRequested),
        Command::RenewNow => match state.phase {
            Phase::Idle => Ok(Event::RenewalStarted(RenewalStarted {
                first_issuance: state.certificate_id.is_none(),
                ..RenewalStarted::default()
            })),
            Phase::Wanted | Phase::Ordering(_) => Err(Refusal::OrderUnderWay),
        },
        Command::IntendOrder { holder, now, lease } => {
            let attempt = match &state.phase {
                Phase::Idle => return Err(Refusal::NothingWanted),
                Phase::Wanted => state.attempts + 1,
                Phase::Ordering(order) if order.holder == holder || order.lease_until <= now => {
                    order.attempt
                }
                Phase::Ordering(order) => {
                    let until = order.lease_until;
                    return Err(Refusal::HeldElsewhere { until });
                }
            };
            Ok(Event::OrderIntended(OrderIntended {
                attempt,
                holder,
                lease_until: Some(timestamp(now + lease)),
                renewal: state.certificate_id.is_some(),
                ..OrderIntended::default()
            }))
        }
        Command::PlaceOrder {
            attempt,
            holder,
            url,
            expires,
        } => match state.order_of(attempt, &holder)?.url {
            None => Ok(Event::OrderPlaced(OrderPlaced {
                attempt,
                order_url: url,
                expires: expires.map(timestamp),
                ..OrderPlaced::default()
            })),
            Some(_) => Err(Refusal::StepDone),
        },
        Command::IntendFinalize {
            attempt,
            holder,
            now,
            finalize,
        } => {
            let order = state.order_of(attempt, &holder)?;
            // Who has lost the lease must not finalize: another agent may be about to.
            if order.lease_until <= now {
                return Err(Refusal::LeaseLost);
            }
            match order.finalize {
                None => Ok(Event::FinalizeIntended(FinalizeIntended {
                    attempt,
                    key_id: finalize.key_id,
                    csr_der: finalize.csr_der,
                })),
                Some(_) => Err(Refusal::StepDone),
            }
        }
        Command::Complete(obtained) => {
            // Whoever completes it: the certificate is there, and that is all that counts.
            state.order(obtained.attempt)?;
            Ok(match state.certificate_id {
                None => Event::CertificateIssued(obtained),
                Some(_) => Event::Renewed(renewed(obtained)),
            })
        }
        Command::Fail {
            attempt,
            holder,
            failure,
        } => {
            state.order_of(attempt, &holder)?;
            let failed = OrderFailed {
                attempt,
                failure: Some(failure),
                ..OrderFailed::default()
            };
            Ok(match state.certificate_id {
                None => Event::IssuanceFailed(failed),
                Some(_) => Event::RenewalFailed(failed),
            })
        }
    }
}

fn renewed(obtained: CertificateObtained) -> AutomationRenewed {
    AutomationRenewed {
        attempt: obtained.attempt,
        certificate_id: obtained.certificate_id,
        version: obtained.version,
        sha256_fingerprint: obtained.sha256_fingerprint,
        not_before: obtained.not_before,
        not_after: obtained.not_after,
    }
}

#[cfg(test)]
mod tests;
