//! Channels, and the alerts that they are told of.

use api::{
    convert::timestamp,
    notifier::v1::{
        AlertCleared, AlertNotified, AlertNotifyFailed, AlertRaised, AlertSubject, ChannelCreated,
        ChannelDeleted, ChannelKind, ChannelUpdated, MessageKind, Rule, Severity,
    },
    projection::v1::{Alert, ListRequest, NotificationChannel, query_service_server::QueryService},
};
use projection::{
    events::{AlertEvent, ChannelEvent},
    grpc::Questions,
};
use runtime::Clock;
use time::Duration;
use tonic::Request;

use crate::{
    database::Tables,
    script::{START, Script},
};

fn list(filter: &str, sort: &str) -> Request<ListRequest> {
    crate::script::asked(ListRequest {
        filter: filter.to_owned(),
        sort: sort.to_owned(),
        ..ListRequest::default()
    })
}

async fn channels(questions: &Questions, filter: &str) -> Vec<NotificationChannel> {
    let answer = questions.list_channels(list(filter, "")).await;
    answer.unwrap().into_inner().channels
}

async fn alerts(questions: &Questions, filter: &str, sort: &str) -> Vec<Alert> {
    let answer = questions.list_alerts(list(filter, sort)).await;
    answer.unwrap().into_inner().alerts
}

async fn ids(questions: &Questions, filter: &str, sort: &str) -> Vec<String> {
    let rows = alerts(questions, filter, sort).await.into_iter();
    rows.map(|row| row.id).collect()
}

pub fn created(name: &str, kind: ChannelKind) -> ChannelEvent {
    ChannelEvent::Created(ChannelCreated {
        name: name.to_owned(),
        kind: kind.into(),
        rule: Some(Rule {
            minimum_severity: Severity::Error.into(),
            ..Rule::default()
        }),
    })
}

pub fn raised(kind: MessageKind, severity: Severity, subject: &str) -> AlertEvent {
    AlertEvent::Raised(AlertRaised {
        kind: kind.into(),
        severity: severity.into(),
        subject: Some(AlertSubject {
            kind: "automation".to_owned(),
            id: format!("id-of-{}", subject.to_lowercase()),
            name: subject.to_owned(),
        }),
        message: "Its renewal fails.".to_owned(),
        advice: "Open port 80.".to_owned(),
        deadline: Some(timestamp(START + Duration::days(25))),
        ..AlertRaised::default()
    })
}

pub fn notified(channel_id: &str, all_clear: bool) -> AlertEvent {
    AlertEvent::Notified(AlertNotified {
        channel_id: channel_id.to_owned(),
        day: "2026-01-01".to_owned(),
        all_clear,
    })
}

pub fn notify_failed(channel_id: &str, reason: &str) -> AlertEvent {
    AlertEvent::NotifyFailed(AlertNotifyFailed {
        channel_id: channel_id.to_owned(),
        day: "2026-01-01".to_owned(),
        reason: reason.to_owned(),
        attempts: 3,
    })
}

pub fn cleared() -> AlertEvent {
    AlertEvent::Cleared(AlertCleared {
        message: "It was renewed.".to_owned(),
        ..AlertCleared::default()
    })
}

#[tokio::test]
async fn a_channel_shows_its_rule_and_how_its_messages_fared() {
    let mut script = Script::default();
    let made = script.tell("channel", "mail", &created("Admins", ChannelKind::Email));
    script.tell("channel", "hook", &created("Pager", ChannelKind::Webhook));
    let (kind, error) = (MessageKind::RenewalFailing, Severity::Error);
    script.tell("alert", "a", &raised(kind, error, "Shop"));
    let told = script.tell("alert", "a", &notified("mail", false));
    let failed = script.tell("alert", "a", &notify_failed("hook", "HTTP 503"));
    // Somebody has deleted it meanwhile, before this service knew of channels at all.
    script.tell("alert", "a", &notified("gone", false));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let [mail, hook] = &channels(&questions, "").await[..] else {
        panic!("two channels")
    };
    assert_eq!((&*mail.id, &*mail.name), ("mail", "Admins"));
    assert_eq!(mail.kind(), ChannelKind::Email);
    let rule = mail.rule.as_ref().unwrap();
    assert_eq!(rule.minimum_severity(), Severity::Error);
    assert_eq!(mail.created, Some(timestamp(script.time_of(made))));
    assert_eq!(mail.last_notified, Some(timestamp(script.time_of(told))));
    assert_eq!((mail.last_failed, &*mail.last_failure), (None, ""));
    assert_eq!(hook.last_failed, Some(timestamp(script.time_of(failed))));
    assert_eq!(
        (hook.last_notified, &*hook.last_failure),
        (None, "HTTP 503")
    );

    let updated = ChannelUpdated {
        name: "Everybody".to_owned(),
        rule: None,
    };
    script.tell("channel", "mail", &ChannelEvent::Updated(updated));
    script.tell("channel", "hook", &ChannelEvent::Deleted(ChannelDeleted {}));
    tables.apply(&script.events[6..]).await.unwrap();
    let rows = channels(&questions, "name=EVERYBODY kind=email").await;
    assert_eq!(rows[0].rule, Some(Rule::default()));
    assert_eq!(rows[0].last_notified, mail.last_notified);
    let names = channels(&questions, "").await.into_iter();
    assert_eq!(names.map(|row| row.name).collect::<Vec<_>>(), ["Everybody"]);
}

#[tokio::test]
async fn an_alert_is_up_until_it_is_cleared_and_may_be_raised_again() {
    let mut script = Script::default();
    let (kind, error) = (MessageKind::RenewalFailing, Severity::Error);
    let first = script.tell("alert", "a", &raised(kind, error, "Shop"));
    script.tell("alert", "a", &notified("mail", false));
    script.tell("alert", "a", &notified("hook", false));
    script.tell("alert", "a", &notify_failed("mail", "no answer"));
    let over = script.tell("alert", "a", &cleared());
    let all_clear = script.tell("alert", "a", &notified("mail", true));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let [row] = &alerts(&questions, "", "").await[..] else {
        panic!("one alert")
    };
    assert_eq!((row.kind(), row.severity()), (kind, error));
    let subject = row.subject.clone().unwrap();
    assert_eq!(
        (&*subject.kind, &*subject.id, &*subject.name),
        ("automation", "id-of-shop", "Shop")
    );
    assert_eq!(
        (&*row.message, &*row.advice),
        ("Its renewal fails.", "Open port 80.")
    );
    assert_eq!(row.deadline, Some(timestamp(START + Duration::days(25))));
    assert_eq!(row.raised, Some(timestamp(script.time_of(first))));
    assert_eq!(row.cleared, Some(timestamp(script.time_of(over))));
    assert_eq!(row.notified, 2, "that it is over is no alert");
    assert_eq!(
        row.last_notified,
        Some(timestamp(script.time_of(all_clear)))
    );

    let again = script.tell("alert", "a", &raised(kind, error, "Shop"));
    script.tell("alert", "a", &raised(kind, error, "Shop 2"));
    tables.apply(&script.events[6..]).await.unwrap();
    let [row] = &alerts(&questions, "up=true", "").await[..] else {
        panic!("one alert")
    };
    assert_eq!(
        (row.notified, row.last_notified, row.cleared),
        (0, None, None)
    );
    assert_eq!(
        row.raised,
        Some(timestamp(script.time_of(again))),
        "said once more, it is the same"
    );
    assert_eq!(row.subject.as_ref().unwrap().name, "Shop 2");
}

#[tokio::test]
async fn alerts_are_filtered_and_sorted_and_those_that_are_up_come_first() {
    use MessageKind::{CertificateExpired, DeliveryFailing, RenewalFailing};
    let mut script = Script::default();
    for (id, kind, severity, subject) in [
        ("1", RenewalFailing, Severity::Error, "Büro"),
        ("2", DeliveryFailing, Severity::Warning, "Admins"),
        ("3", CertificateExpired, Severity::Error, "archiv"),
        ("4", RenewalFailing, Severity::Error, "Shop"),
    ] {
        script.tell("alert", id, &raised(kind, severity, subject));
    }
    script.tell("alert", "3", &cleared());
    script.tell("alert", "4", &cleared());
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    for (filter, sort, expected) in [
        ("", "", vec!["2", "1", "4", "3"]),
        ("", "up", vec!["3", "4", "1", "2"]),
        ("", "raised", vec!["1", "2", "3", "4"]),
        ("", "subject", vec!["2", "3", "1", "4"]),
        ("up=true", "", vec!["2", "1"]),
        ("up!=true", "raised", vec!["3", "4"]),
        ("severity=error", "", vec!["1", "4", "3"]),
        ("kind=renewal-failing", "raised", vec!["1", "4"]),
        ("kind!=renewal_failing", "", vec!["2", "3"]),
        ("subject=BÜRO", "", vec!["1"]),
        ("subject=id-of-shop", "", vec!["4"]),
        ("subject:a", "", vec!["2", "3"]),
        ("subject!=shop", "", vec!["2", "1", "3"]),
        ("raised<2026-01-01T00:01:30Z", "", vec!["2", "1"]),
    ] {
        let found = ids(&questions, filter, sort).await;
        assert_eq!(found, expected, "{filter} {sort}");
    }
}
