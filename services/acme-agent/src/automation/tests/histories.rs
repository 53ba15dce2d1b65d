//! What tests of an automation's life have in common.

use api::acme::v1::{
    AutomationCancelled, AutomationPaused, AutomationResumed, AutomationRevoked, RenewalScheduled,
    RevocationIntended,
};

use super::*;
use crate::policy::Window;

pub(super) fn day(n: i64) -> OffsetDateTime {
    minute(n * 24 * 60)
}

pub(super) fn started(first_issuance: bool, cause: StartCause) -> Event {
    Event::RenewalStarted(RenewalStarted {
        first_issuance,
        cause: cause.into(),
    })
}

pub(super) fn paused() -> Event {
    Event::Paused(AutomationPaused {
        reason: "moving house".into(),
    })
}

pub(super) fn resumed() -> Event {
    Event::Resumed(AutomationResumed {})
}

pub(super) fn cancelled() -> Event {
    Event::Cancelled(AutomationCancelled {})
}

pub(super) fn revocation(version: u32) -> Event {
    Event::RevocationIntended(RevocationIntended {
        version,
        sha256_fingerprint: format!("{version:064x}"),
        reason: RevocationReason::KeyCompromise.into(),
    })
}

pub(super) fn revoked(version: u32) -> Event {
    Event::Revoked(AutomationRevoked { version })
}

/// It has its first certificate, of 90 days.
pub(super) fn issued(then: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let issued = [
        requested(),
        intended(1, A, minute(0), false),
        placed(1),
        finalized(1),
        Event::CertificateIssued(obtained(1)),
    ];
    issued.into_iter().chain(then).collect()
}

/// The first order failed; it is tried again at minute 11.
pub(super) fn tried(then: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let failed = OrderFailed {
        retry_at: Some(timestamp(minute(11))),
        ..failed(1)
    };
    let tried = [
        requested(),
        intended(1, A, minute(0), false),
        Event::IssuanceFailed(failed),
    ];
    tried.into_iter().chain(then).collect()
}

pub(super) fn decided(events: Vec<Event>, command: Command) -> Decided<Event, Refusal> {
    given::<Automation>(events).when(|state| decide(state, command.clone()))
}

pub(super) fn due(now: OffsetDateTime) -> Command {
    Command::StartDue { now }
}

pub(super) fn pause() -> Command {
    Command::Pause {
        reason: "moving house".into(),
    }
}

pub(super) fn schedule(version: u32, window: Option<(i64, i64)>) -> Command {
    Command::Schedule {
        version,
        window: window.map(|(start, end)| Window {
            start: day(start),
            end: day(end),
            explanation_url: String::new(),
        }),
    }
}

pub(super) fn scheduled(window: Option<(i64, i64)>) -> RenewalScheduled {
    let state = given::<Automation>(issued([])).state();
    match decide(&state, schedule(1, window)) {
        Ok(Event::RenewalScheduled(scheduled)) => scheduled,
        other => panic!("{other:?}"),
    }
}
