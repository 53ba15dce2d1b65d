//! An automation's row, event by event.

use api::{
    acme::v1::{ChallengeType, ScheduleReason},
    convert::timestamp,
    projection::v1::{
        CertificateStatus, GetRequest, ListRequest, query_service_server::QueryService,
    },
    x509::v1::KeyAlgorithm,
};
use projection::events::AutomationEvent;
use runtime::Clock;
use time::Duration;
use tonic::Request;

use crate::{
    database::Tables,
    script::{self, START, Script},
};

fn get(id: &str) -> Request<GetRequest> {
    crate::script::asked(GetRequest {
        id: id.to_owned(),
        at_least: 0,
        ..GetRequest::default()
    })
}

#[tokio::test]
async fn an_automation_is_followed_from_request_to_renewal() {
    let not_after = START + Duration::days(90);
    let mut script = Script::default();
    script.server("server-1", script::server("Test CA"));
    let story = [
        (
            script::requested("Shop", "server-1"),
            CertificateStatus::Pending,
            0,
            "",
        ),
        (script::order_intended(1), CertificateStatus::Pending, 1, ""),
        (script::order_placed(1), CertificateStatus::Pending, 1, ""),
        (
            AutomationEvent::IssuanceFailed(script::failed(1, "CHALLENGE_FAILED")),
            CertificateStatus::Error,
            1,
            "CHALLENGE_FAILED",
        ),
        (
            script::renewal_started(),
            CertificateStatus::Error,
            1,
            "CHALLENGE_FAILED",
        ),
        (
            script::order_intended(2),
            CertificateStatus::Error,
            2,
            "CHALLENGE_FAILED",
        ),
        (
            script::order_placed(2),
            CertificateStatus::Error,
            2,
            "CHALLENGE_FAILED",
        ),
        (
            script::finalize_intended(2),
            CertificateStatus::Error,
            2,
            "CHALLENGE_FAILED",
        ),
        (
            script::certificate_issued(2, not_after),
            CertificateStatus::Valid,
            2,
            "",
        ),
        (
            script::renewal_started(),
            CertificateStatus::Renewing,
            2,
            "",
        ),
        (
            script::order_intended(3),
            CertificateStatus::Renewing,
            3,
            "",
        ),
        (
            AutomationEvent::RenewalFailed(script::failed(3, "RATE_LIMITED")),
            CertificateStatus::Renewing,
            3,
            "RATE_LIMITED",
        ),
        (
            script::order_intended(4),
            CertificateStatus::Renewing,
            4,
            "RATE_LIMITED",
        ),
        (
            script::order_placed(4),
            CertificateStatus::Renewing,
            4,
            "RATE_LIMITED",
        ),
        (
            script::finalize_intended(4),
            CertificateStatus::Renewing,
            4,
            "RATE_LIMITED",
        ),
        (
            script::automation_renewed(4, 2, not_after + Duration::days(60)),
            CertificateStatus::Valid,
            4,
            "",
        ),
    ];
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    for (event, status, attempt, reason) in story {
        let name = eventlog::EventBody::name(&event);
        let at = script.automation("automation-1", event);
        tables
            .apply(&script.events[at as usize - 1..])
            .await
            .unwrap();
        let shown = questions
            .get_automation(get("Shop"))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(shown.status(), status, "after {name}");
        assert_eq!(shown.attempt, attempt, "after {name}");
        assert_eq!(shown.last_event, name);
        assert_eq!(shown.updated, Some(timestamp(script.time_of(at))));
        let failure = shown.last_failure.map(|failure| failure.reason);
        assert_eq!(failure.unwrap_or_default(), reason, "after {name}");
    }
    let shown = questions
        .get_automation(get("automation-1"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(shown.server_name, "Test CA");
    assert_eq!(shown.dns_names, ["a.example", "b.example"]);
    assert_eq!(shown.key_algorithm(), KeyAlgorithm::Rsa2048);
    assert_eq!(shown.challenge_type(), ChallengeType::Http01);
    assert_eq!(shown.profile, "shortlived");
    assert_eq!(shown.certificate_id, "certificate-1");
    assert_eq!(shown.certificate_version, 2);
    assert_eq!(
        shown.not_after,
        Some(timestamp(not_after + Duration::days(60)))
    );
    assert_eq!(shown.order_url, "https://ca.example/order/4");
    assert_eq!(shown.created, Some(timestamp(script.time_of(2))));

    // The same in one batch: the last event on a row wins.
    let at_once = Tables::with(&script.events).await;
    assert_eq!(at_once.dump().await, tables.dump().await);
}

#[tokio::test]
async fn an_automation_shows_its_schedule_and_is_found_by_it() {
    let mut script = Script::default();
    let not_after = START + Duration::days(90);
    for id in ["a", "b", "c", "d"] {
        script.automation(id, script::requested(id, "server-1"));
    }
    script.automation("a", script::certificate_issued(1, not_after));
    script.automation("b", script::certificate_issued(1, not_after));
    script.automation("b", script::scheduled(1, START + Duration::days(50)));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let shown = async |id: &str| {
        let answer = questions.get_automation(get(id)).await;
        answer.unwrap().into_inner()
    };
    let ids = async |filter: &str, sort: &str| {
        let request = ListRequest {
            filter: filter.to_owned(),
            sort: sort.to_owned(),
            ..ListRequest::default()
        };
        let answer = questions
            .list_automations(crate::script::asked(request))
            .await;
        let rows = answer.unwrap().into_inner().automations.into_iter();
        rows.map(|row| row.id).collect::<Vec<_>>()
    };
    let days = |n| Some(timestamp(START + Duration::days(n)));

    let (own, window, none) = (shown("a").await, shown("b").await, shown("c").await);
    assert_eq!((own.renew_at, own.error_at), (days(60), days(65)));
    assert_eq!(own.schedule_reason(), ScheduleReason::Lifetime);
    assert_eq!(own.window_start, None);
    assert_eq!((window.renew_at, window.error_at), (days(50), days(51)));
    assert_eq!(window.schedule_reason(), ScheduleReason::RenewalInformation);
    let hour = |n| Some(timestamp(START + Duration::days(50) + Duration::hours(n)));
    assert_eq!(
        (window.window_start, window.window_end),
        (hour(-1), hour(1))
    );
    assert_eq!(window.explanation_url, "https://ca.example/why");
    assert_eq!(
        (none.renew_at, none.error_at, none.ordering),
        (None, None, true)
    );
    assert_eq!(ids("", "renew_at").await, ["b", "a", "c", "d"]);
    assert_eq!(ids("renew_at<2026-02-25", "").await, ["b"]);
    assert_eq!(ids("renew_at>2026-02-25", "").await, ["a"]);

    let paused = script.automation("b", script::paused("a move"));
    script.automation("c", script::cancelled());
    let failed = AutomationEvent::IssuanceFailed(script::failed(1, "CHALLENGE_FAILED"));
    let since = script.automation("d", failed.clone());
    script.automation("d", failed);
    tables.apply(&script.events[7..]).await.unwrap();
    let row = shown("b").await;
    assert_eq!(row.paused, Some(timestamp(script.time_of(paused))));
    assert_eq!((row.renew_at, &*row.pause_reason), (None, "a move"));
    assert_eq!(ids("paused=true", "").await, ["b"]);
    assert_eq!(ids("", "").await, ["a", "b", "d"]);
    assert_eq!(ids("cancelled=true", "").await, ["c"]);
    assert_eq!(ids("renew_at<2030-01-01", "").await, ["a"]);
    let row = shown("d").await;
    assert_eq!((row.failures, row.ordering), (2, false));
    assert_eq!(row.failing_since, Some(timestamp(script.time_of(since))));
    assert_eq!(row.retry_at, Some(timestamp(script::RETRY)));

    script.automation("b", script::resumed());
    script.automation("d", script::paused(""));
    tables.apply(&script.events[11..]).await.unwrap();
    let row = shown("b").await;
    assert_eq!((row.renew_at, row.paused), (days(50), None));
    assert_eq!(row.pause_reason, "");
    assert_eq!(shown("d").await.retry_at, None, "it is paused");

    // Of two with one name, the one that goes on is meant.
    script.automation("e", script::requested("Shop", "server-1"));
    script.automation("e", script::cancelled());
    script.automation("f", script::requested("Shop", "server-1"));
    tables.apply(&script.events[13..]).await.unwrap();
    assert_eq!(shown("Shop").await.id, "f");
}
