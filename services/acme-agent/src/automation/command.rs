//! What can be asked of an automated certificate, and what stands against it.

use std::time::Duration as StdDuration;

use api::{
    acme::v1::{AutomationRequested, CertificateObtained, Failure},
    x509::v1::RevocationReason,
};
use time::{Duration, OffsetDateTime};

use super::Finalize;
use crate::policy::Window;

/// What can be asked of an automated certificate.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// A person wants it.
    Request(AutomationRequested),
    /// A person wants the next version, or another try.
    RenewNow,
    /// The clock says that something is due.
    StartDue {
        /// The time.
        now: OffsetDateTime,
    },
    /// The CA was asked when to renew.
    Schedule {
        /// The version that it was asked about.
        version: u32,
        /// Its answer; `None` where it names no window.
        window: Option<Window>,
    },
    /// A person wants nothing to begin by itself.
    Pause {
        /// For the log.
        reason: String,
    },
    /// A person wants it to go on.
    Resume,
    /// A person wants it to end for good.
    Cancel,
    /// A person wants a version to be revoked.
    IntendRevocation {
        /// Which; 0 for the newest.
        version: u32,
        /// For the CA.
        reason: RevocationReason,
    },
    /// The CA has revoked it, now or before.
    CompleteRevocation {
        /// Which.
        version: u32,
    },
    /// The CA refused to revoke it.
    FailRevocation {
        /// Which.
        version: u32,
        /// Why.
        failure: Failure,
    },
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
        /// The certificate that the CA knows it to replace; empty where it took no word of it.
        replaces: String,
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
        /// The time.
        now: OffsetDateTime,
        /// Why.
        failure: Failure,
        /// For how long the server wants to be left alone, where it says so.
        retry_after: Option<StdDuration>,
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
    /// Nothing is due yet, or something was, and another agent has begun it.
    #[error("nothing is due")]
    NotDue,
    /// The schedule stays as it is.
    #[error("the schedule stays as it is")]
    NothingNew,
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
    /// It is paused already.
    #[error("this automated certificate is paused already")]
    AlreadyPaused,
    /// There is nothing to resume.
    #[error("this automated certificate is not paused")]
    NotPaused,
    /// It has ended for good.
    #[error("this automated certificate was cancelled; request another")]
    Cancelled,
    /// There is no such certificate, or it has expired.
    #[error(
        "there is no such version of this certificate that could be revoked; an expired one needs no revocation"
    )]
    NoSuchVersion,
    /// It was revoked before.
    #[error("this version is revoked already")]
    AlreadyRevoked,
    /// One revocation at a time.
    #[error("a revocation is under way; wait for its end")]
    RevocationUnderWay,
    /// No revocation of that version is under way.
    #[error("no such revocation is under way")]
    NoRevocation,
}
