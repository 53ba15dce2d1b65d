//! What happens to automations.

use api::{
    acme::v1::{
        AutomationCancelled, AutomationPaused, AutomationRenewed, AutomationRequested,
        AutomationResumed, CertificateObtained, ChallengeType, Failure, FinalizeIntended,
        OrderFailed, OrderIntended, OrderPlaced, RenewalScheduled, RenewalStarted, ScheduleReason,
        Step,
    },
    convert::timestamp,
    x509::v1::KeyAlgorithm,
};
use projection::events::AutomationEvent;
use time::{Duration, OffsetDateTime, macros::datetime};

use super::START;

pub fn requested(name: &str, server_id: &str) -> AutomationEvent {
    AutomationEvent::Requested(AutomationRequested {
        friendly_name: name.to_owned(),
        server_id: server_id.to_owned(),
        dns_names: vec!["a.example".to_owned(), "b.example".to_owned()],
        key_algorithm: KeyAlgorithm::Rsa2048.into(),
        challenge_type: ChallengeType::Http01.into(),
        profile: "shortlived".to_owned(),
        ..Default::default()
    })
}

pub fn order_intended(attempt: u32) -> AutomationEvent {
    AutomationEvent::OrderIntended(OrderIntended {
        attempt,
        ..Default::default()
    })
}

pub fn order_placed(attempt: u32) -> AutomationEvent {
    AutomationEvent::OrderPlaced(OrderPlaced {
        attempt,
        order_url: format!("https://ca.example/order/{attempt}"),
        ..Default::default()
    })
}

pub fn finalize_intended(attempt: u32) -> AutomationEvent {
    AutomationEvent::FinalizeIntended(FinalizeIntended {
        attempt,
        key_id: "key-1".to_owned(),
        csr_der: vec![1].into(),
    })
}

pub fn certificate_issued(attempt: u32, not_after: OffsetDateTime) -> AutomationEvent {
    AutomationEvent::CertificateIssued(CertificateObtained {
        attempt,
        certificate_id: "certificate-1".to_owned(),
        version: 1,
        not_before: Some(timestamp(START)),
        not_after: Some(timestamp(not_after)),
        ..Default::default()
    })
}

pub fn automation_renewed(
    attempt: u32,
    version: u32,
    not_after: OffsetDateTime,
) -> AutomationEvent {
    AutomationEvent::Renewed(AutomationRenewed {
        attempt,
        certificate_id: "certificate-1".to_owned(),
        version,
        not_before: Some(timestamp(START)),
        not_after: Some(timestamp(not_after)),
        ..Default::default()
    })
}

pub fn renewal_started() -> AutomationEvent {
    AutomationEvent::RenewalStarted(RenewalStarted::default())
}

/// It is tried again by itself.
pub fn failed(attempt: u32, reason: &str) -> OrderFailed {
    OrderFailed {
        attempt,
        failure: Some(failure(reason)),
        retry_at: Some(timestamp(RETRY)),
        ..OrderFailed::default()
    }
}

/// A person has to act first.
pub fn refused(attempt: u32, reason: &str) -> OrderFailed {
    OrderFailed {
        needs_person: true,
        ..failed(attempt, reason)
    }
}

pub fn failure(reason: &str) -> Failure {
    Failure {
        step: Step::Authorize.into(),
        reason: reason.to_owned(),
        message: "The CA could not reach the host.".to_owned(),
        advice: "Open port 80.".to_owned(),
        problem: None,
    }
}

/// Until `error_at` there is a day.
pub fn scheduled(version: u32, renew_at: OffsetDateTime) -> AutomationEvent {
    AutomationEvent::RenewalScheduled(RenewalScheduled {
        version,
        renew_at: Some(timestamp(renew_at)),
        error_at: Some(timestamp(renew_at + Duration::DAY)),
        reason: ScheduleReason::RenewalInformation.into(),
        window_start: Some(timestamp(renew_at - Duration::HOUR)),
        window_end: Some(timestamp(renew_at + Duration::HOUR)),
        explanation_url: "https://ca.example/why".to_owned(),
    })
}

pub fn paused(reason: &str) -> AutomationEvent {
    AutomationEvent::Paused(AutomationPaused {
        reason: reason.to_owned(),
    })
}

pub fn resumed() -> AutomationEvent {
    AutomationEvent::Resumed(AutomationResumed {})
}

pub fn cancelled() -> AutomationEvent {
    AutomationEvent::Cancelled(AutomationCancelled {})
}

/// When what failed is tried again.
pub const RETRY: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);
