use api::{
    acme::v1::{Failure, FinalizeIntended, OrderFailed, OrderPlaced, RenewalStarted, StartCause},
    convert::timestamp,
};
use eventlog::given::{Decided, given};
use time::{Duration, macros::datetime};

use super::*;
use crate::policy;

mod histories;
mod life;
mod retries;
mod revocation;

const A: &str = "agent-a";
const B: &str = "agent-b";
const FIRST: &str = "first-server";
const SECOND: &str = "second-server";
const LEASE: Duration = Duration::minutes(15);

fn minute(n: i64) -> OffsetDateTime {
    datetime!(2026-01-01 00:00 UTC) + Duration::minutes(n)
}

fn requested() -> Event {
    Event::Requested(AutomationRequested {
        friendly_name: "shop".into(),
        server_id: FIRST.into(),
        fallback_server_id: SECOND.into(),
        dns_names: vec!["shop.example".into()],
        ..AutomationRequested::default()
    })
}

fn intended(attempt: u32, holder: &str, from: OffsetDateTime, renewal: bool) -> Event {
    Event::OrderIntended(OrderIntended {
        attempt,
        holder: holder.into(),
        lease_until: Some(timestamp(from + LEASE)),
        renewal,
        server_id: FIRST.into(),
    })
}

fn placed(attempt: u32) -> Event {
    Event::OrderPlaced(OrderPlaced {
        attempt,
        order_url: "https://ca.example/order/1".into(),
        expires: Some(timestamp(minute(60))),
        ..OrderPlaced::default()
    })
}

fn finalize() -> Finalize {
    Finalize {
        key_id: "key".into(),
        csr_der: Bytes::from_static(b"csr"),
    }
}

fn finalized(attempt: u32) -> Event {
    Event::FinalizeIntended(FinalizeIntended {
        attempt,
        key_id: "key".into(),
        csr_der: Bytes::from_static(b"csr"),
    })
}

fn obtained(attempt: u32) -> CertificateObtained {
    CertificateObtained {
        attempt,
        certificate_id: "certificate".into(),
        version: attempt,
        sha256_fingerprint: format!("{attempt:064x}"),
        not_before: Some(timestamp(minute(0))),
        not_after: Some(timestamp(minute(0) + Duration::days(90))),
    }
}

/// The first of its kind, at minute 10.
fn failed(attempt: u32) -> OrderFailed {
    let server_error = policy::Failed {
        reason: "SERVER_ERROR",
        failures: 1,
        lifetime: None,
        retry_after: None,
        seed: &format!("shop/{attempt}"),
    };
    OrderFailed {
        attempt,
        failure: Some(failure()),
        retry_at: Some(timestamp(policy::retry(&server_error, minute(10)))),
        failures: 1,
        needs_person: false,
    }
}

fn when<const N: usize>(events: [Event; N], command: Command) -> Decided<Event, Refusal> {
    given::<Automation>(events).when(|state| decide(state, command.clone()))
}

fn intend(holder: &str, now: OffsetDateTime) -> Command {
    Command::IntendOrder {
        holder: holder.into(),
        now,
        lease: LEASE,
    }
}

fn place(attempt: u32, holder: &str) -> Command {
    Command::PlaceOrder {
        attempt,
        holder: holder.into(),
        url: "https://ca.example/order/1".into(),
        expires: Some(minute(60)),
        replaces: String::new(),
    }
}

fn intend_finalize(holder: &str, now: OffsetDateTime) -> Command {
    Command::IntendFinalize {
        attempt: 1,
        holder: holder.into(),
        now,
        finalize: finalize(),
    }
}

fn fail(attempt: u32, holder: &str) -> Command {
    Command::Fail {
        attempt,
        holder: holder.into(),
        now: minute(10),
        failure: failure(),
        retry_after: None,
    }
}

fn failure() -> Failure {
    Failure {
        reason: "SERVER_ERROR".into(),
        ..Failure::default()
    }
}

#[test]
fn a_request_makes_an_automation_once() {
    let Event::Requested(request) = requested() else {
        unreachable!()
    };
    when([], Command::Request(request.clone())).then(requested());
    when([requested()], Command::Request(request)).refused(Refusal::AlreadyRequested);
}

#[test]
fn nothing_is_done_with_what_nobody_requested() {
    for command in [
        Command::RenewNow,
        intend(A, minute(0)),
        place(1, A),
        fail(1, A),
    ] {
        when([], command).refused(Refusal::NotFound);
    }
}

#[test]
fn the_first_agent_holds_the_order_and_the_second_waits() {
    when([requested()], intend(A, minute(0))).then(intended(1, A, minute(0), false));
    let held = [requested(), intended(1, A, minute(0), false)];
    when(held, intend(B, minute(14))).refused(Refusal::HeldElsewhere { until: minute(15) });
}

#[test]
fn an_ended_lease_is_taken_over_with_the_same_order() {
    let events = [requested(), intended(1, A, minute(0), false), placed(1)];
    when(events, intend(B, minute(15))).then(intended(1, B, minute(15), false));
    let taken = given::<Automation>([
        requested(),
        intended(1, A, minute(0), false),
        placed(1),
        finalized(1),
        intended(1, B, minute(15), false),
    ]);
    let Phase::Ordering(order) = taken.state().phase else {
        unreachable!()
    };
    assert_eq!(order.url.as_deref(), Some("https://ca.example/order/1"));
    assert_eq!(order.finalize, Some(finalize()));
    assert_eq!(order.lease_until, minute(30));
}

#[test]
fn a_holder_goes_on_with_its_own_order() {
    let events = [requested(), intended(1, A, minute(0), false), placed(1)];
    when(events, intend(A, minute(5))).then(intended(1, A, minute(5), false));
}

#[test]
fn an_order_is_placed_once_and_by_its_holder() {
    let held = || [requested(), intended(1, A, minute(0), false)];
    when(held(), place(1, A)).then(placed(1));
    when(held(), place(1, B)).refused(Refusal::LeaseLost);
    when(held(), place(2, A)).refused(Refusal::OrderOver);
    let events = [requested(), intended(1, A, minute(0), false), placed(1)];
    when(events, place(1, A)).refused(Refusal::StepDone);
}

#[test]
fn who_has_lost_the_lease_does_not_finalize() {
    let events = || [requested(), intended(1, A, minute(0), false), placed(1)];
    when(events(), intend_finalize(A, minute(14))).then(finalized(1));
    when(events(), intend_finalize(A, minute(15))).refused(Refusal::LeaseLost);
    when(events(), intend_finalize(B, minute(1))).refused(Refusal::LeaseLost);
    let twice = [
        requested(),
        intended(1, A, minute(0), false),
        placed(1),
        finalized(1),
    ];
    when(twice, intend_finalize(A, minute(1))).refused(Refusal::StepDone);
}

#[test]
fn the_first_certificate_is_issued_and_the_next_renewed() {
    let events = [
        requested(),
        intended(1, A, minute(0), false),
        placed(1),
        finalized(1),
    ];
    when(events, Command::Complete(obtained(1))).then(Event::CertificateIssued(obtained(1)));
    let renewal = [
        requested(),
        intended(1, A, minute(0), false),
        Event::CertificateIssued(obtained(1)),
        Event::RenewalStarted(RenewalStarted {
            first_issuance: false,
            ..RenewalStarted::default()
        }),
        intended(2, A, minute(30), true),
    ];
    when(renewal.clone(), Command::Complete(obtained(2)))
        .then(Event::Renewed(version::renewed(obtained(2))));
    when(renewal.clone(), Command::Complete(obtained(1))).refused(Refusal::OrderOver);
    when(renewal, fail(2, A)).then(Event::RenewalFailed(failed(2)));
}

#[test]
fn a_person_renews_or_tries_again_when_no_order_is_under_way() {
    for events in [
        vec![requested()],
        vec![requested(), intended(1, A, minute(0), false)],
    ] {
        given::<Automation>(events)
            .when(|state| decide(state, Command::RenewNow))
            .refused(Refusal::OrderUnderWay);
    }
    let issued = [
        requested(),
        intended(1, A, minute(0), false),
        Event::CertificateIssued(obtained(1)),
    ];
    when(issued, Command::RenewNow).then(Event::RenewalStarted(RenewalStarted {
        first_issuance: false,
        ..RenewalStarted::default()
    }));
    let tried = || {
        [
            requested(),
            intended(1, A, minute(0), false),
            Event::IssuanceFailed(failed(1)),
        ]
    };
    when(tried(), Command::RenewNow).then(Event::RenewalStarted(RenewalStarted {
        first_issuance: true,
        ..RenewalStarted::default()
    }));
    when(tried(), intend(A, minute(1))).refused(Refusal::NothingWanted);
}

#[test]
fn another_try_is_another_order() {
    let again = [
        requested(),
        intended(1, A, minute(0), false),
        placed(1),
        Event::IssuanceFailed(failed(1)),
        Event::RenewalStarted(RenewalStarted {
            first_issuance: true,
            ..RenewalStarted::default()
        }),
    ];
    when(again.clone(), intend(A, minute(20))).then(intended(2, A, minute(20), false));
    let state = given::<Automation>(again.into_iter().chain([intended(2, A, minute(20), false)]));
    let Phase::Ordering(order) = state.state().phase else {
        unreachable!()
    };
    assert_eq!(order.url, None);
}

#[test]
fn an_order_that_is_over_cannot_fail_again() {
    let over = [
        requested(),
        intended(1, A, minute(0), false),
        Event::IssuanceFailed(failed(1)),
    ];
    when(over, fail(1, A)).refused(Refusal::OrderOver);
    let lost = [requested(), intended(1, B, minute(0), false)];
    when(lost, fail(1, A)).refused(Refusal::LeaseLost);
}
