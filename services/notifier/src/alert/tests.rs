use api::notifier::v1::{AlertSubject, Severity};
use eventlog::given::given;
use time::macros::datetime;

use super::*;

const FIRST: OffsetDateTime = datetime!(2026-11-20 00:00 UTC);
const LATER: OffsetDateTime = datetime!(2026-11-25 00:00 UTC);

fn raise(since: OffsetDateTime, message: &str) -> AlertRaised {
    AlertRaised {
        kind: MessageKind::CertificateExpiring.into(),
        severity: Severity::Warning.into(),
        subject: Some(AlertSubject {
            kind: "certificate".into(),
            id: "7".into(),
            name: "shop".into(),
        }),
        message: message.into(),
        since: Some(convert::timestamp(since)),
        ..AlertRaised::default()
    }
}

/// What is told each day.
fn daily() -> AlertEvent {
    AlertEvent::Raised(AlertRaised {
        kind: MessageKind::RenewalFailing.into(),
        ..raise(FIRST, "x")
    })
}

fn raised(since: OffsetDateTime, message: &str) -> AlertEvent {
    AlertEvent::Raised(raise(since, message))
}

fn told(channel: &str, day: &str, all_clear: bool) -> AlertNotified {
    AlertNotified {
        channel_id: channel.into(),
        day: day.into(),
        all_clear,
    }
}

fn notified(channel: &str, day: &str) -> AlertEvent {
    AlertEvent::Notified(told(channel, day, false))
}

fn failed(channel: &str, day: &str) -> AlertNotifyFailed {
    AlertNotifyFailed {
        channel_id: channel.into(),
        day: day.into(),
        reason: "the server answered 451".into(),
        attempts: 9,
    }
}

fn cleared() -> AlertEvent {
    AlertEvent::Cleared(AlertCleared::default())
}

#[test]
fn ids_stay_what_they_were_in_every_version() {
    let id = id("automation", "7", MessageKind::RenewalFailing);
    assert_eq!(id.to_string(), "04bc0962-cbbd-5c43-b657-ca6cf5821285");
}

#[test]
fn two_that_decide_alike_raise_one_alert() {
    let again = Command::Raise(raise(FIRST, "30 days"));
    given::<State>([])
        .when(|s| decide(s, &again))
        .then(raised(FIRST, "30 days"));
    given::<State>([raised(FIRST, "30 days")])
        .when(|s| decide(s, &again))
        .refused(Moot::SaysSo);
    given::<State>([raised(FIRST, "30 days"), cleared()])
        .when(|s| decide(s, &again))
        .then(raised(FIRST, "30 days"));
}

#[test]
fn what_is_new_is_said_and_an_older_mark_is_not() {
    let up = || [raised(LATER, "14 days")];
    for news in [
        raise(LATER, "13 days"),
        raise(LATER + time::Duration::DAY, "7 days"),
    ] {
        given::<State>(up())
            .when(|s| decide(s, &Command::Raise(news.clone())))
            .then(AlertEvent::Raised(news.clone()));
    }
    given::<State>(up())
        .when(|s| decide(s, &Command::Raise(raise(FIRST, "30 days"))))
        .refused(Moot::SaysSo);
}

#[test]
fn a_channel_is_told_once_a_day_and_once_that_it_is_over() {
    let past = || vec![daily(), notified("a", "2026-11-25")];
    let tell = |channel: &str, day: &str| Command::Notified(told(channel, day, false));
    given::<State>(past())
        .when(|s| decide(s, &tell("a", "2026-11-25")))
        .refused(Moot::ToldAlready);
    for (channel, day) in [("a", "2026-11-26"), ("b", "2026-11-25")] {
        given::<State>(past())
            .when(|s| decide(s, &tell(channel, day)))
            .then(notified(channel, day));
    }
    let over = told("a", "2026-11-25", true);
    let clear = Command::Notified(over.clone());
    let mut ended = past();
    ended.push(cleared());
    given::<State>(ended.clone())
        .when(|s| decide(s, &clear))
        .then(AlertEvent::Notified(over.clone()));
    ended.push(AlertEvent::Notified(over));
    given::<State>(ended)
        .when(|s| decide(s, &clear))
        .refused(Moot::ToldAlready);
}

#[test]
fn what_is_not_daily_is_told_once_of_each_mark() {
    let tell = |day: &str| Command::Notified(told("a", day, false));
    let past = || vec![raised(FIRST, "30 days"), notified("a", "2026-11-20")];
    given::<State>(past())
        .when(|s| decide(s, &tell("2026-11-21")))
        .refused(Moot::ToldAlready);
    let mut marked = past();
    marked.push(raised(LATER, "14 days"));
    given::<State>(marked.clone())
        .when(|s| decide(s, &tell("2026-11-25")))
        .then(notified("a", "2026-11-25"));
    // Of two marks on one day, one is told.
    given::<State>(marked)
        .when(|s| decide(s, &tell("2026-11-20")))
        .refused(Moot::ToldAlready);
}

#[test]
fn what_was_given_up_is_not_tried_again_and_was_not_heard() {
    let give_up = Command::NotifyFailed(failed("a", "2026-11-25"));
    let event = AlertEvent::NotifyFailed(failed("a", "2026-11-25"));
    given::<State>([raised(FIRST, "x")])
        .when(|s| decide(s, &give_up))
        .then(event.clone());
    given::<State>([raised(FIRST, "x"), event.clone()])
        .when(|s| decide(s, &give_up))
        .refused(Moot::ToldAlready);
    let state = given::<State>([raised(FIRST, "x"), event]).state();
    assert!(!state.told["a"].heard && !state.told["a"].all_clear);
}

#[test]
fn an_alert_that_comes_back_is_told_anew() {
    let past = [
        raised(FIRST, "x"),
        notified("a", "2026-11-25"),
        cleared(),
        raised(FIRST, "x"),
    ];
    let state = given::<State>(past).state();
    assert!(state.up().is_some() && state.told.is_empty());
}

#[test]
fn only_what_is_up_is_cleared() {
    let clear = Command::Clear(AlertCleared::default());
    given::<State>([raised(FIRST, "x")])
        .when(|s| decide(s, &clear))
        .then(cleared());
    for past in [vec![], vec![raised(FIRST, "x"), cleared()]] {
        given::<State>(past)
            .when(|s| decide(s, &clear))
            .refused(Moot::NotUp);
    }
}

#[test]
fn a_state_is_kept_in_a_row_and_read_again() {
    let past = [raised(FIRST, "x"), notified("a", "2026-11-25"), cleared()];
    let state = given::<State>(past).state();
    let kept = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&kept).unwrap(), state);
}
