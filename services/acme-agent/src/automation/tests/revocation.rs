//! What is revoked, and what follows.

use api::acme::v1::RevocationFailed;

use super::{histories::*, *};

fn revoke(version: u32) -> Command {
    Command::IntendRevocation {
        version,
        reason: RevocationReason::KeyCompromise,
    }
}

#[test]
fn a_revocation_names_what_is_revoked_and_where() {
    decided(issued([]), revoke(0)).then(revocation(1));
    decided(issued([]), revoke(1)).then(revocation(1));
    decided(issued([]), revoke(2)).refused(Refusal::NoSuchVersion);
    decided(vec![requested()], revoke(0)).refused(Refusal::NoSuchVersion);
    decided(issued([revocation(1)]), revoke(1)).refused(Refusal::RevocationUnderWay);
    decided(issued([revocation(1), revoked(1)]), revoke(1)).refused(Refusal::AlreadyRevoked);
    let state = given::<Automation>(issued([revocation(1)])).state();
    let under_way = state.revocation().unwrap();
    assert_eq!(under_way.server_id, FIRST);
    assert_eq!(under_way.reason, RevocationReason::KeyCompromise);
}

#[test]
fn a_revocation_ends_once() {
    let end = Command::CompleteRevocation { version: 1 };
    decided(issued([]), end.clone()).refused(Refusal::NoRevocation);
    decided(issued([revocation(1)]), end.clone()).then(revoked(1));
    decided(issued([revocation(1), revoked(1)]), end).refused(Refusal::NoRevocation);
    let refused = RevocationFailed {
        version: 1,
        failure: Some(failure()),
    };
    let fails = Command::FailRevocation {
        version: 1,
        failure: failure(),
    };
    let refused = Event::RevocationFailed(refused);
    decided(issued([revocation(1)]), fails).then(refused.clone());
    // Then it can be asked for again.
    decided(issued([revocation(1), refused]), revoke(1)).then(revocation(1));
}

#[test]
fn another_certificate_is_ordered_at_once_for_one_that_was_revoked() {
    let begins = started(false, StartCause::Revoked);
    decided(issued([revocation(1), revoked(1)]), due(minute(1))).then(begins.clone());
    for begun in [paused(), cancelled()] {
        let events = issued([begun, revocation(1), revoked(1)]);
        decided(events, due(minute(1))).refused(Refusal::NotDue);
    }
    let resumed = issued([paused(), revocation(1), revoked(1), resumed()]);
    decided(resumed, due(minute(1))).then(begins);
    // One that was replaced is not.
    let replaced = issued([
        started(false, StartCause::Unspecified),
        intended(2, A, day(1), true),
        Event::Renewed(version::renewed(obtained(2))),
        revocation(1),
        revoked(1),
    ]);
    decided(replaced, due(day(2))).refused(Refusal::NotDue);
}

#[test]
fn versions_that_have_expired_are_forgotten() {
    let expired = CertificateObtained {
        not_before: Some(timestamp(day(-90))),
        not_after: Some(timestamp(day(-1))),
        ..obtained(1)
    };
    let events = [
        requested(),
        intended(1, A, minute(0), false),
        Event::CertificateIssued(expired),
        started(false, StartCause::Schedule),
        intended(2, A, minute(0), true),
        Event::Renewed(version::renewed(obtained(2))),
    ];
    let state = given::<Automation>(events).state();
    assert_eq!(state.versions.len(), 1);
    assert_eq!(state.newest().unwrap().number, 2);
}
