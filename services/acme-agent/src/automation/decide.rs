//! The rules.

use api::{
    acme::v1::{
        AutomationCancelled, AutomationPaused, AutomationResumed, AutomationRevoked, Failure,
        FinalizeIntended, OrderFailed, OrderIntended, OrderPlaced, RenewalScheduled,
        RevocationFailed, RevocationIntended, StartCause,
    },
    convert::timestamp,
};
use time::OffsetDateTime;

use super::{Automation, Command, Order, Phase, Refusal, Version, version};
use crate::{
    events::AutomationEvent as Event,
    policy::{self, Failed, Turn, Window},
};

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
            _ if state.agenda.cancelled => Err(Refusal::Cancelled),
            Phase::Idle => Ok(state.agenda.start(StartCause::Unspecified)),
            Phase::Wanted | Phase::Ordering(_) => Err(Refusal::OrderUnderWay),
        },
        Command::StartDue { now } => state.agenda.begin(now).ok_or(Refusal::NotDue),
        Command::Schedule { version, window } => state.schedule(version, window),
        Command::Pause { reason } => match &state.agenda {
            agenda if agenda.cancelled => Err(Refusal::Cancelled),
            agenda if agenda.paused => Err(Refusal::AlreadyPaused),
            _ => Ok(Event::Paused(AutomationPaused { reason })),
        },
        Command::Resume => match &state.agenda {
            agenda if agenda.cancelled => Err(Refusal::Cancelled),
            agenda if agenda.paused => Ok(Event::Resumed(AutomationResumed {})),
            _ => Err(Refusal::NotPaused),
        },
        Command::Cancel => match state.agenda.cancelled {
            true => Err(Refusal::Cancelled),
            false => Ok(Event::Cancelled(AutomationCancelled {})),
        },
        Command::IntendRevocation { version, reason } => {
            if state.revocation.is_some() {
                return Err(Refusal::RevocationUnderWay);
            }
            let version = match version {
                0 => state.newest().ok_or(Refusal::NoSuchVersion)?,
                version => state.version(version)?,
            };
            match version.revoked {
                true => Err(Refusal::AlreadyRevoked),
                false => Ok(Event::RevocationIntended(RevocationIntended {
                    version: version.number,
                    sha256_fingerprint: version.certificate.sha256_fingerprint.clone(),
                    reason: reason.into(),
                })),
            }
        }
        Command::CompleteRevocation { version } => {
            state.revocation_of(version)?;
            Ok(Event::Revoked(AutomationRevoked { version }))
        }
        Command::FailRevocation { version, failure } => {
            state.revocation_of(version)?;
            Ok(Event::RevocationFailed(RevocationFailed {
                version,
                failure: Some(failure),
            }))
        }
        Command::IntendOrder { holder, now, lease } => {
            let (attempt, server_id) = match &state.phase {
                Phase::Idle => return Err(Refusal::NothingWanted),
                Phase::Wanted => (state.attempts + 1, state.next_server(state.failures)),
                Phase::Ordering(order) if order.holder == holder || order.lease_until <= now => {
                    (order.attempt, order.server_id.clone())
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
                server_id,
            }))
        }
        Command::PlaceOrder {
            attempt,
            holder,
            url,
            expires,
            replaces,
        } => match state.order_of(attempt, &holder)?.url {
            None => Ok(Event::OrderPlaced(OrderPlaced {
                attempt,
                order_url: url,
                expires: expires.map(timestamp),
                replaces,
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
                Some(_) => Event::Renewed(version::renewed(obtained)),
            })
        }
        Command::Fail {
            attempt,
            holder,
            now,
            failure,
            retry_after,
        } => {
            let order = state.order_of(attempt, &holder)?;
            let failed = state.failed(order, failure, retry_after, now);
            Ok(match state.certificate_id {
                None => Event::IssuanceFailed(failed),
                Some(_) => Event::RenewalFailed(failed),
            })
        }
    }
}

impl Automation {
    /// When the newest version is to be renewed, where that is news.
    fn schedule(&self, version: u32, window: Option<Window>) -> Result<Event, Refusal> {
        if self.agenda.cancelled {
            return Err(Refusal::Cancelled);
        }
        let newest = self.newest().ok_or(Refusal::NoSuchVersion)?;
        if newest.number != version {
            return Err(Refusal::NoSuchVersion);
        }
        let renewal = policy::renewal(&newest.certificate, window.as_ref());
        if self.scheduled && self.agenda.renew_at == Some(renewal.at) {
            return Err(Refusal::NothingNew);
        }
        let error_at = newest.certificate.lifetime.error_at();
        Ok(Event::RenewalScheduled(RenewalScheduled {
            version,
            renew_at: Some(timestamp(renewal.at)),
            error_at: Some(timestamp(error_at)),
            reason: renewal.reason.into(),
            window_start: window.as_ref().map(|window| timestamp(window.start)),
            window_end: window.as_ref().map(|window| timestamp(window.end)),
            explanation_url: window.map(|w| w.explanation_url).unwrap_or_default(),
        }))
    }

    /// The server whose turn it is after so many failures.
    fn next_server(&self, failures: u32) -> String {
        let Some(requested) = &self.requested else {
            return String::new();
        };
        match policy::turn(failures) {
            Turn::Second if !requested.fallback_server_id.is_empty() => {
                requested.fallback_server_id.clone()
            }
            Turn::First | Turn::Second => requested.server_id.clone(),
        }
    }

    fn failed(
        &self,
        order: &Order,
        failure: Failure,
        retry_after: Option<std::time::Duration>,
        now: OffsetDateTime,
    ) -> OrderFailed {
        let failures = self.failures + 1;
        // Another server has not asked to be left alone.
        let same_server = self.next_server(failures) == order.server_id;
        let name = self.requested.as_ref().map(|r| r.friendly_name.as_str());
        let seed = format!("{}/{}", name.unwrap_or_default(), order.attempt);
        let failed = Failed {
            reason: &failure.reason,
            failures,
            lifetime: self.newest().map(|newest| newest.certificate.lifetime),
            retry_after: retry_after.filter(|_| same_server),
            seed: &seed,
        };
        let retry_at = policy::retry(&failed, now);
        OrderFailed {
            attempt: order.attempt,
            retry_at: Some(timestamp(retry_at)),
            failures,
            needs_person: policy::needs_person(&failure.reason),
            failure: Some(failure),
        }
    }

    fn version(&self, number: u32) -> Result<&Version, Refusal> {
        let version = self.versions.iter().find(|v| v.number == number);
        version.ok_or(Refusal::NoSuchVersion)
    }

    fn revocation_of(&self, version: u32) -> Result<(), Refusal> {
        match &self.revocation {
            Some(revocation) if revocation.version == version => Ok(()),
            _ => Err(Refusal::NoRevocation),
        }
    }
}
