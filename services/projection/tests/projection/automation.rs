//! An automation's row, event by event.

use api::{
    acme::v1::ChallengeType,
    convert::timestamp,
    projection::v1::{CertificateStatus, GetRequest, query_service_server::QueryService},
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
    Request::new(GetRequest {
        id: id.to_owned(),
        at_least: 0,
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
