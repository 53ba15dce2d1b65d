//! What is tried again, when, and where.

use super::{histories::*, *};

#[test]
fn a_failed_order_is_tried_again_at_its_time() {
    decided(tried([]), due(minute(10))).refused(Refusal::NotDue);
    decided(tried([]), due(minute(11))).then(started(true, StartCause::Retry));
    // A failed renewal too, although the renewal itself has been due for long.
    let renewal = issued([
        started(false, StartCause::Schedule),
        intended(2, A, day(60), true),
        Event::RenewalFailed(OrderFailed {
            retry_at: Some(timestamp(day(62))),
            ..failed(2)
        }),
    ]);
    decided(renewal.clone(), due(day(61))).refused(Refusal::NotDue);
    decided(renewal, due(day(62))).then(started(false, StartCause::Retry));
}

#[test]
fn a_person_does_not_wait_for_a_retry() {
    let by_hand = started(true, StartCause::Unspecified);
    decided(tried([]), Command::RenewNow).then(by_hand.clone());
    let state = given::<Automation>(tried([by_hand])).state();
    assert_eq!(state.agenda().retry_at, None);
}

#[test]
fn failures_from_before_there_were_retries_are_tried_again() {
    let old = OrderFailed {
        attempt: 1,
        ..OrderFailed::default()
    };
    let events = vec![
        requested(),
        intended(1, A, minute(0), false),
        Event::IssuanceFailed(old),
    ];
    decided(events.clone(), due(day(0))).refused(Refusal::NotDue);
    decided(events, due(day(1))).then(started(true, StartCause::Retry));
}

#[test]
fn failures_are_counted_until_a_certificate_comes() {
    let again = |attempt| {
        [
            started(true, StartCause::Retry),
            intended(attempt, A, minute(20), false),
        ]
    };
    let once = tried(again(2));
    let state = given::<Automation>(once.clone()).state();
    let Ok(Event::IssuanceFailed(second)) = decide(&state, fail(2, A)) else {
        unreachable!()
    };
    assert_eq!(second.failures, 2);
    let over = once
        .into_iter()
        .chain([Event::CertificateIssued(obtained(2))]);
    let renewal = over.chain([
        started(false, StartCause::Schedule),
        intended(3, A, day(60), true),
    ]);
    let state = given::<Automation>(renewal).state();
    let Ok(Event::RenewalFailed(first)) = decide(&state, fail(3, A)) else {
        unreachable!()
    };
    assert_eq!(first.failures, 1);
}

#[test]
fn what_needs_a_person_says_so() {
    let failure = Failure {
        reason: "TERMS_CHANGED".into(),
        ..Failure::default()
    };
    let command = Command::Fail {
        attempt: 1,
        holder: A.into(),
        now: minute(10),
        failure,
        retry_after: None,
    };
    let state = given::<Automation>([requested(), intended(1, A, minute(0), false)]).state();
    let Ok(Event::IssuanceFailed(failed)) = decide(&state, command) else {
        unreachable!()
    };
    assert!(failed.needs_person);
    let retry_at = failed.retry_at.as_ref().and_then(time).unwrap();
    assert!(retry_at > minute(10) + Duration::hours(19));
}

fn failing(times: u32) -> Automation {
    let mut events = vec![requested()];
    for attempt in 1..=times {
        events.push(intended(attempt, A, minute(0), false));
        events.push(Event::IssuanceFailed(OrderFailed {
            failures: attempt,
            ..failed(attempt)
        }));
        events.push(started(true, StartCause::Retry));
    }
    given::<Automation>(events).state()
}

fn server_after(failures: u32) -> String {
    match decide(&failing(failures), intend(A, minute(0))) {
        Ok(Event::OrderIntended(intended)) => intended.server_id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_second_server_takes_over_after_three_failures() {
    let servers = [0, 2, 3, 4, 5].map(server_after);
    assert_eq!(servers, [FIRST, FIRST, SECOND, FIRST, SECOND]);
}

#[test]
fn another_server_has_not_asked_to_be_left_alone() {
    let wait = |failures| {
        let intent = decide(&failing(failures), intend(A, minute(0))).unwrap();
        let mut state = failing(failures);
        state.intend(match &intent {
            Event::OrderIntended(intended) => intended,
            other => panic!("{other:?}"),
        });
        let command = Command::Fail {
            attempt: failures + 1,
            holder: A.into(),
            now: minute(10),
            failure: failure(),
            retry_after: Some(std::time::Duration::from_secs(7 * 86_400)),
        };
        let Ok(Event::IssuanceFailed(failed)) = decide(&state, command) else {
            unreachable!()
        };
        failed.retry_at.as_ref().and_then(time).unwrap() - minute(10)
    };
    // The first is asked again, and then the second is.
    assert_eq!(wait(0), Duration::WEEK);
    assert!(wait(2) <= Duration::minutes(100));
}
