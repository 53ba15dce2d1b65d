//! What begins by itself, and when. The aggregate decides by it, and the [`schedule`](crate::schedule)
//! keeps it as a row, so that both always agree.

use api::{
    acme::v1::{CertificateObtained, OrderFailed, RenewalStarted, StartCause},
    convert::time,
};
use time::{Duration, OffsetDateTime};

use super::version;
use crate::{events::AutomationEvent as Event, policy};

/// What of an automation the clock has to do with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agenda {
    /// No renewal begins by itself.
    pub paused: bool,
    /// It has ended for good.
    pub cancelled: bool,
    /// An order is wanted or under way.
    pub busy: bool,
    /// Its certificate request may have been sent.
    pub finalizing: bool,
    /// The version that is here; 0 where none is.
    pub version: u32,
    /// When it is to be renewed.
    pub renew_at: Option<OffsetDateTime>,
    /// When the order that failed is to be tried again.
    pub retry_at: Option<OffsetDateTime>,
    /// When the version that is here was revoked.
    pub revoked_at: Option<OffsetDateTime>,
}

impl Agenda {
    /// What begins by itself next, and when; nothing where an order is under way, or none may begin.
    pub fn next(&self) -> Option<(OffsetDateTime, StartCause)> {
        if self.paused || self.cancelled || self.busy {
            return None;
        }
        let retry = self.retry_at.map(|at| (at, StartCause::Retry));
        let revoked = || self.revoked_at.map(|at| (at, StartCause::Revoked));
        let renewal = || self.renew_at.map(|at| (at, StartCause::Schedule));
        retry.or_else(revoked).or_else(renewal)
    }

    /// What begins by now, if anything does.
    pub fn begin(&self, now: OffsetDateTime) -> Option<Event> {
        let (_, cause) = self.next().filter(|(at, _)| *at <= now)?;
        Some(self.start(cause))
    }

    /// An order begins, for this cause.
    pub fn start(&self, cause: StartCause) -> Event {
        Event::RenewalStarted(RenewalStarted {
            first_issuance: self.version == 0,
            cause: cause.into(),
        })
    }

    /// Whether its CA is to be asked when to renew: it has a certificate that is renewed by itself.
    pub fn asks(&self) -> bool {
        self.version > 0 && !self.paused && !self.cancelled
    }

    /// Takes in what happened, and when.
    pub fn evolve(&mut self, event: &Event, at: OffsetDateTime) {
        match event {
            Event::Requested(_) | Event::OrderIntended(_) => self.busy = true,
            Event::RenewalStarted(_) => {
                self.busy = true;
                self.retry_at = None;
                self.revoked_at = None;
            }
            Event::CertificateIssued(issued) => self.obtain(issued, at),
            Event::Renewed(renewed) => self.obtain(&version::obtained(renewed), at),
            Event::IssuanceFailed(failed) | Event::RenewalFailed(failed) => {
                (self.busy, self.finalizing) = (false, false);
                self.retry_at = Some(retry_at(failed, at));
            }
            Event::RenewalScheduled(scheduled) if scheduled.version == self.version => {
                self.renew_at = scheduled.renew_at.as_ref().and_then(time);
            }
            Event::Paused(_) => self.paused = true,
            Event::Resumed(_) => self.paused = false,
            Event::FinalizeIntended(_) => self.finalizing = true,
            Event::Cancelled(_) => {
                self.cancelled = true;
                self.busy &= self.finalizing;
            }
            Event::Revoked(revoked) if revoked.version == self.version => {
                self.revoked_at = Some(at);
            }
            Event::OrderPlaced(_)
            | Event::RenewalScheduled(_)
            | Event::RevocationIntended(_)
            | Event::Revoked(_)
            | Event::RevocationFailed(_) => {}
        }
    }

    /// The next version is here. Until the CA is asked, its life alone says when it is to be renewed.
    fn obtain(&mut self, obtained: &CertificateObtained, at: OffsetDateTime) {
        let certificate = version::certificate(obtained, at);
        *self = Self {
            paused: self.paused,
            cancelled: self.cancelled,
            version: obtained.version,
            renew_at: certificate.map(|certificate| policy::renewal(&certificate, None).at),
            ..Self::default()
        };
    }
}

/// Events from before there were retries do not say when: a day later.
fn retry_at(failed: &OrderFailed, at: OffsetDateTime) -> OffsetDateTime {
    let named = failed.retry_at.as_ref().and_then(time);
    named.unwrap_or(at + Duration::DAY)
}
