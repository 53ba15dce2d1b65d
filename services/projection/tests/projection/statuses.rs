//! The status that a row shows is the one by which filters find it.

use std::collections::BTreeSet;

use api::{
    acme::v1::{AutomationRevoked, RevocationFailed, RevocationIntended},
    keystore::v1::{CertificateReleased, CertificateRevoked},
    projection::v1::{
        Automation, Certificate, CertificateStatus, GetRequest, ListRequest,
        query_service_server::QueryService,
    },
    x509::v1::RevocationReason,
};
use projection::{
    events::{AutomationEvent, CertificateEvent},
    grpc::Questions,
    status::{Renewal, Standing},
    tables::{
        automation,
        instant::{NEVER, micros},
    },
};
use runtime::Clock;
use sea_orm::{EntityTrait, IntoActiveModel};
use time::Duration;
use tonic::Request;

use crate::{
    database::Tables,
    script::{self, START, Script, certificate},
};

const WORDS: [(&str, CertificateStatus); 8] = [
    ("valid", CertificateStatus::Valid),
    ("expiring", CertificateStatus::Expiring),
    ("renewing", CertificateStatus::Renewing),
    ("pending", CertificateStatus::Pending),
    ("error", CertificateStatus::Error),
    ("expired", CertificateStatus::Expired),
    ("revoked", CertificateStatus::Revoked),
    ("not-yet-valid", CertificateStatus::NotYetValid),
];

fn get(id: &str) -> Request<GetRequest> {
    crate::script::asked(GetRequest {
        id: id.to_owned(),
        at_least: 0,
        ..GetRequest::default()
    })
}

fn list(filter: String, page_token: String) -> Request<ListRequest> {
    crate::script::asked(ListRequest {
        filter,
        page_size: 500,
        page_token,
        ..ListRequest::default()
    })
}

async fn automations(questions: &Questions, filter: &str) -> Vec<Automation> {
    let (mut rows, mut token) = (Vec::new(), String::new());
    loop {
        let answer = questions.list_automations(list(filter.to_owned(), token));
        let answer = answer.await.unwrap().into_inner();
        rows.extend(answer.automations);
        token = answer.next_page_token;
        if token.is_empty() {
            return rows;
        }
    }
}

/// Every standing whose times lie before, at or after the moment, or never come.
fn standings(now: i64) -> impl Iterator<Item = Standing> {
    let around = move || [now - 1, now, now + 1, NEVER].into_iter();
    let renewals = || {
        [
            Renewal::None,
            Renewal::Scheduled,
            Renewal::Ordering,
            Renewal::Retried,
            Renewal::Refused,
        ]
        .into_iter()
    };
    let lives = around().flat_map(move |begin| around().map(move |end| (begin, end)));
    let marks = move || around().flat_map(move |due| around().map(move |late| (due, late)));
    lives.flat_map(move |(not_before, not_after)| {
        marks().flat_map(move |(due_at, error_at)| {
            renewals().flat_map(move |renewal| {
                [false, true].map(|revoked| Standing {
                    revoked,
                    not_before,
                    not_after,
                    due_at,
                    error_at,
                    renewal,
                })
            })
        })
    })
}

#[tokio::test]
async fn every_standing_is_found_by_the_word_that_it_shows() {
    let now = micros(START);
    let mut script = Script::default();
    script.automation("a", script::requested("Shop", "server-1"));
    let tables = Tables::with(&script.events).await;
    let template = automation::Entity::find_by_id("a").one(&tables.database);
    let template = template.await.unwrap().unwrap();
    let all = standings(now).enumerate().map(|(n, standing)| {
        let row = automation::Model {
            id: format!("{n:05}"),
            revoked: standing.revoked,
            not_before: standing.not_before,
            not_after: standing.not_after,
            due_at: standing.due_at,
            error_at: standing.error_at,
            renewal: standing.renewal.into(),
            ..template.clone()
        };
        row.into_active_model()
    });
    let all = all.collect::<Vec<_>>();
    for some in all.chunks(200) {
        let inserted = automation::Entity::insert_many(some.to_vec());
        inserted.exec(&tables.database).await.unwrap();
    }
    let questions = tables.questions(&Clock::manual(START));
    let everything = automations(&questions, "").await;
    assert_eq!(everything.len(), all.len() + 1);
    let mut found = 0;
    for (word, status) in WORDS {
        let (is, is_not) = everything
            .iter()
            .partition::<Vec<_>, _>(|row| row.status() == status);
        for (rows, operator) in [(is, "="), (is_not, "!=")] {
            let expected = rows.iter().map(|row| row.id.clone());
            let filter = format!("status{operator}{word}");
            let answered = automations(&questions, &filter).await.into_iter();
            let answered = answered.map(|row| row.id).collect::<BTreeSet<_>>();
            assert_eq!(answered, expected.collect(), "{filter}");
        }
        found += everything
            .iter()
            .filter(|row| row.status() == status)
            .count();
    }
    assert_eq!(found, everything.len(), "each has one of the words");
}

/// The certificate, and that it is found by the status that it shows and by no other.
async fn shown(questions: &Questions, id: &str) -> Certificate {
    let row = questions.get_certificate(get(id)).await.unwrap();
    let row = row.into_inner();
    for (word, status) in WORDS {
        let answer = questions.list_certificates(list(format!("status={word}"), String::new()));
        let rows = answer.await.unwrap().into_inner().certificates;
        let found = rows.iter().any(|found| found.id == id);
        assert_eq!(found, row.status() == status, "{word}");
    }
    row
}

#[tokio::test]
async fn a_certificate_stands_as_its_automation_does() {
    use CertificateStatus::{Error, Expiring, Renewing, Revoked, Valid};
    let mut script = Script::default();
    let leaf = certificate(1, &["a.example"], START, Duration::days(90));
    script.server("server-1", script::server("Test CA"));
    script.automation("automation-1", script::requested("Shop", "server-1"));
    script.issued("c", script::issued("Shop", leaf, vec![]));
    let tables = Tables::with(&script.events).await;
    let clock = Clock::manual(START);
    let questions = tables.questions(&clock);
    // Its automation has not said yet that it is here.
    let first = shown(&questions, "c").await;
    assert_eq!((first.status(), first.last_failure), (Valid, None));
    let after_60_days = START + Duration::days(60);
    assert_eq!(first.renew_at, Some(api::convert::timestamp(after_60_days)));

    let due = START + Duration::days(50);
    clock.advance(std::time::Duration::from_secs(50 * 86_400));
    let not_after = START + Duration::days(90);
    let failed = AutomationEvent::RenewalFailed(script::failed(2, "RATE_LIMITED"));
    let refused = AutomationEvent::RenewalFailed(script::refused(3, "CAA"));
    for (event, status, renews, fails) in [
        (script::certificate_issued(1, not_after), Valid, true, false),
        (script::scheduled(1, due), Valid, true, false),
        (script::order_intended(2), Renewing, true, false),
        (failed, Renewing, true, true),
        (script::paused("a move"), Expiring, false, true),
        (script::resumed(), Renewing, true, true),
        (script::order_intended(3), Renewing, true, true),
        (refused, Error, true, true),
        (script::renewal_started(), Renewing, true, true),
        (script::cancelled(), Expiring, false, true),
    ] {
        let name = eventlog::EventBody::name(&event);
        let at = script.automation("automation-1", event);
        let told = tables.apply(&script.events[at as usize - 1..]).await;
        told.unwrap();
        let row = shown(&questions, "c").await;
        assert_eq!(row.status(), status, "after {name}");
        assert_eq!(row.renew_at.is_some(), renews, "after {name}");
        assert_eq!(row.last_failure.is_some(), fails, "after {name}");
        let automation = questions.get_automation(get("automation-1"));
        let automation = automation.await.unwrap().into_inner();
        assert_eq!(automation.status(), status, "after {name}");
    }

    let released = CertificateReleased {
        automation_id: "automation-1".to_owned(),
    };
    script.certificate("c", CertificateEvent::Released(released));
    let later = script.events.len() - 1;
    tables.apply(&script.events[later..]).await.unwrap();
    let row = shown(&questions, "c").await;
    assert_eq!((&*row.automation_id, &row.last_failure), ("", &None));
    assert_eq!(row.status(), Valid, "due when a third of its life is left");

    let revoked = CertificateRevoked {
        version: 1,
        reason: RevocationReason::Superseded.into(),
    };
    let at = script.certificate("c", CertificateEvent::Revoked(revoked));
    tables
        .apply(&script.events[at as usize - 1..])
        .await
        .unwrap();
    let row = shown(&questions, "c").await;
    assert_eq!(row.status(), Revoked);
    let [version] = &row.versions[..] else {
        panic!("{row:?}")
    };
    assert_eq!(version.revocation_reason(), RevocationReason::Superseded);
    let at = api::convert::timestamp(script.time_of(at));
    assert_eq!(version.revoked, Some(at));
}

#[tokio::test]
async fn a_revoked_version_is_over_when_the_next_one_is_here() {
    let mut script = Script::default();
    let not_after = START + Duration::days(90);
    let intended = RevocationIntended {
        version: 1,
        ..RevocationIntended::default()
    };
    let failed = RevocationFailed {
        version: 1,
        failure: Some(script::failure("UNAUTHORIZED")),
    };
    script.automation("a", script::requested("Shop", "server-1"));
    script.automation("a", script::certificate_issued(1, not_after));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    for (event, status, fails) in [
        (
            AutomationEvent::RevocationFailed(failed),
            CertificateStatus::Valid,
            true,
        ),
        (
            AutomationEvent::RevocationIntended(intended),
            CertificateStatus::Valid,
            false,
        ),
        (
            AutomationEvent::Revoked(AutomationRevoked { version: 1 }),
            CertificateStatus::Revoked,
            false,
        ),
        (script::renewal_started(), CertificateStatus::Revoked, false),
        (
            script::automation_renewed(2, 2, not_after),
            CertificateStatus::Valid,
            false,
        ),
        (
            AutomationEvent::Revoked(AutomationRevoked { version: 1 }),
            CertificateStatus::Valid,
            false,
        ),
    ] {
        let name = eventlog::EventBody::name(&event);
        let at = script.automation("a", event);
        let told = tables.apply(&script.events[at as usize - 1..]).await;
        told.unwrap();
        let row = questions.get_automation(get("a")).await.unwrap();
        let row = row.into_inner();
        assert_eq!(row.status(), status, "after {name}");
        assert_eq!(row.revocation_failure.is_some(), fails, "after {name}");
    }
}
