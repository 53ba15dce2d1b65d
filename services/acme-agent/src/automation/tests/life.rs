//! What begins by itself, and what is paused and cancelled.

use api::acme::v1::ScheduleReason;

use super::{histories::*, *};

#[test]
fn a_renewal_begins_when_it_is_due_and_once() {
    decided(issued([]), due(day(59))).refused(Refusal::NotDue);
    let start = started(false, StartCause::Schedule);
    decided(issued([]), due(day(60))).then(start.clone());
    // Another agent was first.
    decided(issued([start]), due(day(60))).refused(Refusal::NotDue);
    decided(vec![requested()], due(day(60))).refused(Refusal::NotDue);
}

#[test]
fn the_time_that_was_scheduled_last_counts() {
    let sooner = Event::RenewalScheduled(scheduled(Some((40, 41))));
    let begins = started(false, StartCause::Schedule);
    decided(issued([sooner.clone()]), due(day(41))).then(begins);
    let late_again = Event::RenewalScheduled(scheduled(None));
    decided(issued([sooner, late_again]), due(day(41))).refused(Refusal::NotDue);
}

#[test]
fn a_schedule_is_written_once_and_then_when_it_changes() {
    let by_life = scheduled(None);
    assert_eq!(by_life.renew_at, Some(timestamp(day(60))));
    assert_eq!(by_life.error_at, Some(timestamp(day(65))));
    assert_eq!(by_life.reason(), ScheduleReason::Lifetime);
    let by_life = Event::RenewalScheduled(by_life);
    decided(issued([by_life.clone()]), schedule(1, None)).refused(Refusal::NothingNew);
    // A window that begins after the time that the life says changes nothing.
    decided(issued([by_life.clone()]), schedule(1, Some((70, 71)))).refused(Refusal::NothingNew);
    let in_window = scheduled(Some((40, 41)));
    assert_eq!(in_window.window_start, Some(timestamp(day(40))));
    let in_window = Event::RenewalScheduled(in_window);
    decided(issued([by_life]), schedule(1, Some((40, 41)))).then(in_window.clone());
    decided(issued([in_window]), schedule(1, Some((40, 41)))).refused(Refusal::NothingNew);
}

#[test]
fn an_answer_about_another_version_schedules_nothing() {
    decided(issued([]), schedule(2, None)).refused(Refusal::NoSuchVersion);
    decided(vec![requested()], schedule(1, None)).refused(Refusal::NoSuchVersion);
    decided(issued([cancelled()]), schedule(1, None)).refused(Refusal::Cancelled);
}

/// An automation whose last orders, so many, failed.
#[test]
fn a_paused_automation_begins_nothing_by_itself() {
    decided(issued([]), pause()).then(paused());
    decided(issued([paused()]), due(day(60))).refused(Refusal::NotDue);
    decided(tried([paused()]), due(day(60))).refused(Refusal::NotDue);
    decided(issued([paused()]), pause()).refused(Refusal::AlreadyPaused);
    let by_hand = started(false, StartCause::Unspecified);
    decided(issued([paused()]), Command::RenewNow).then(by_hand);
}

#[test]
fn a_resumed_automation_begins_what_became_due() {
    decided(issued([]), Command::Resume).refused(Refusal::NotPaused);
    decided(issued([paused()]), Command::Resume).then(resumed());
    let begins = started(false, StartCause::Schedule);
    decided(issued([paused(), resumed()]), due(day(60))).then(begins);
}

#[test]
fn an_order_under_way_ends_although_it_is_paused() {
    let events = [requested(), paused()];
    when(events, intend(A, minute(0))).then(intended(1, A, minute(0), false));
}

#[test]
fn a_cancelled_automation_begins_nothing_at_all() {
    decided(issued([]), Command::Cancel).then(cancelled());
    for (command, refusal) in [
        (Command::Cancel, Refusal::Cancelled),
        (Command::RenewNow, Refusal::Cancelled),
        (pause(), Refusal::Cancelled),
        (Command::Resume, Refusal::Cancelled),
        (due(day(60)), Refusal::NotDue),
        (intend(A, day(60)), Refusal::NothingWanted),
    ] {
        decided(issued([cancelled()]), command).refused(refusal);
    }
    let never_begun = [requested(), cancelled()];
    when(never_begun, intend(A, minute(0))).refused(Refusal::NothingWanted);
}

#[test]
fn an_order_that_is_cancelled_before_it_is_finalized_is_left() {
    let events = || {
        [
            requested(),
            intended(1, A, minute(0), false),
            placed(1),
            cancelled(),
        ]
    };
    when(events(), intend_finalize(A, minute(1))).refused(Refusal::OrderOver);
    when(events(), intend(A, minute(1))).refused(Refusal::NothingWanted);
    when(events(), fail(1, A)).refused(Refusal::OrderOver);
}

#[test]
fn an_order_that_the_ca_may_have_granted_comes_to_its_end() {
    let finalizing = || {
        [
            requested(),
            intended(1, A, minute(0), false),
            placed(1),
            finalized(1),
            cancelled(),
        ]
    };
    // A crash does not change that.
    when(finalizing(), intend(A, minute(1))).then(intended(1, A, minute(1), false));
    let end = Command::Complete(obtained(1));
    when(finalizing(), end).then(Event::CertificateIssued(obtained(1)));
    when(finalizing(), fail(1, A)).then(Event::IssuanceFailed(failed(1)));
    let kept = finalizing()
        .into_iter()
        .chain([Event::CertificateIssued(obtained(1))]);
    decided(kept.collect(), due(day(60))).refused(Refusal::NotDue);
}

#[test]
fn a_cancelled_automation_leaves_its_name_unless_a_certificate_has_it() {
    let name = |events: Vec<Event>| {
        let state = given::<Automation>(events).state();
        state.name().map(str::to_owned)
    };
    assert_eq!(name(vec![requested()]).as_deref(), Some("shop"));
    assert_eq!(name(vec![requested(), cancelled()]), None);
    assert_eq!(name(issued([cancelled()])).as_deref(), Some("shop"));
}
