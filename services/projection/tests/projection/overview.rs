//! All at a glance: it says what the lists say.

use std::collections::BTreeMap;

use api::{
    acme::v1::RenewalScheduled,
    convert::timestamp,
    keystore::v1::CertificateRevoked,
    notifier::v1::{MessageKind, Severity},
    projection::v1::{
        CertificateStatus, Event, Following, GetOverviewRequest, ListRequest, Overview, Renewing,
        query_service_server::QueryService,
    },
    x509::v1::RevocationReason,
};
use projection::{
    events::{AutomationEvent, CertificateEvent},
    grpc::Questions,
    tables::certificate,
};
use runtime::Clock;
use sea_orm::{EntityTrait, IntoActiveModel};
use time::Duration;

use crate::{
    database::Tables,
    notices::raised,
    script::{self, START, Script, certificate as leaf},
};

async fn overview(questions: &Questions) -> Overview {
    let request = crate::script::asked(GetOverviewRequest {
        at_least: 0,
        ..GetOverviewRequest::default()
    });
    questions.get_overview(request).await.unwrap().into_inner()
}

async fn events(questions: &Questions, filter: &str) -> Vec<Event> {
    let request = crate::script::asked(ListRequest {
        filter: filter.to_owned(),
        ..ListRequest::default()
    });
    questions
        .list_events(request)
        .await
        .unwrap()
        .into_inner()
        .events
}

fn counted(overview: &Overview) -> BTreeMap<CertificateStatus, u32> {
    let counts = overview.certificates.iter();
    counts.map(|one| (one.status(), one.count)).collect()
}

/// Some of each kind: days are those that are left on `START`.
fn shops() -> Script {
    let mut script = Script::default();
    let days = |n| Duration::days(n);
    let of =
        |n: u8, name: &str, left: i64| leaf(n, &[name], START + days(left) - days(90), days(90));
    script.server("server-1", script::server("Test CA"));
    script.imported(
        "over",
        script::imported("Over", of(1, "over.example", -4), vec![]),
    );
    script.imported(
        "hand",
        script::imported("Hand", of(2, "hand.example", 12), vec![]),
    );
    script.imported(
        "far",
        script::imported("Far", of(3, "far.example", 85), vec![]),
    );
    script.imported(
        "gone",
        script::imported("Gone", of(4, "gone.example", 40), vec![]),
    );
    let revoked = CertificateRevoked {
        version: 1,
        reason: RevocationReason::Superseded.into(),
    };
    script.certificate("gone", CertificateEvent::Revoked(revoked));
    // It lives for so long that it is not among the days that are shown.
    let years = leaf(5, &["lab.example"], START, days(900));
    script.imported("lab", script::imported("Lab", years, vec![]));
    script.automation("automation-1", script::requested("Shop", "server-1"));
    script.issued(
        "shop",
        script::issued("Shop", of(6, "shop.example", 5), vec![]),
    );
    script.automation(
        "automation-1",
        script::certificate_issued(1, START + days(5)),
    );
    let scheduled = AutomationEvent::RenewalScheduled(RenewalScheduled {
        version: 1,
        renew_at: Some(timestamp(START + days(1))),
        error_at: Some(timestamp(START + days(2))),
        ..RenewalScheduled::default()
    });
    script.automation("automation-1", scheduled);
    script.automation("automation-2", script::requested("Kiosk", "server-1"));
    script.request("request-1", script::request("Mail", 9, &["mail.example"]));
    script.key("key-2", script::key_of(2));
    script.tell(
        "alert",
        "alert-1",
        &raised(MessageKind::RenewalFailing, Severity::Error, "Shop"),
    );
    script
}

#[tokio::test]
async fn what_it_counts_is_what_the_lists_show() {
    let script = shops();
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let overview = overview(&questions).await;

    let all = questions.list_certificates(crate::script::asked(ListRequest::default()));
    let all = all.await.unwrap().into_inner().certificates;
    let mut shown = BTreeMap::new();
    for one in &all {
        *shown.entry(one.status()).or_default() += 1;
    }
    use CertificateStatus::{Expired, Expiring, Revoked, Valid};
    assert_eq!(counted(&overview), shown);
    assert_eq!(
        shown,
        BTreeMap::from([(Valid, 3), (Expiring, 1), (Expired, 1), (Revoked, 1)])
    );
    let urgent = overview.urgent.iter().map(|one| one.friendly_name.as_str());
    assert_eq!(urgent.collect::<Vec<_>>(), ["Over", "Hand"]);

    let ends = overview.expiries.iter();
    let ends = ends.map(|one| (one.friendly_name.as_str(), one.renewing()));
    let expected = [
        ("Over", Renewing::Late),
        ("Shop", Renewing::Automatic),
        ("Hand", Renewing::ByHand),
        ("Far", Renewing::ByHand),
    ];
    assert_eq!(ends.collect::<Vec<_>>(), expected);
    assert_eq!(overview.later, 1, "the lab's");
    let days = overview.days.iter().map(|day| (day.day, day.renewing()));
    let midnight = |left| {
        Some(timestamp(
            (START + Duration::days(left)).replace_time(time::Time::MIDNIGHT),
        ))
    };
    let expected = [
        (midnight(-4), Renewing::Late),
        (midnight(5), Renewing::Automatic),
        (midnight(12), Renewing::ByHand),
        (midnight(85), Renewing::ByHand),
    ];
    assert_eq!(days.collect::<Vec<_>>(), expected);
    assert_eq!((overview.ending_automatic, overview.ending_by_hand), (1, 1));

    let never = overview
        .never_issued
        .iter()
        .map(|one| (one.status(), one.count));
    assert_eq!(never.collect::<Vec<_>>(), [(CertificateStatus::Pending, 1)]);
    let servers = overview.servers.iter();
    let servers = servers.map(|one| (one.server_id.as_str(), one.automations));
    assert_eq!(servers.collect::<Vec<_>>(), [("server-1", 2)]);
    assert_eq!(
        (overview.pending_requests, overview.keys, overview.alerts),
        (1, 1, 1)
    );
    assert_eq!(overview.position, script.events.len() as u64);
    assert_eq!(overview.projected, overview.position);
    assert_eq!(overview.following(), Following::On);
}

#[tokio::test]
async fn it_changes_with_what_happens_and_with_the_time() {
    let mut script = shops();
    let tables = Tables::with(&script.events).await;
    let clock = Clock::manual(START);
    let questions = tables.questions(&clock);
    assert_eq!(overview(&questions).await.renewed, 0);

    let next = leaf(7, &["shop.example"], START, Duration::days(90));
    let at = script.renewed("shop", script::renewed(2, next, vec![]));
    tables
        .apply(&script.events[at as usize - 1..])
        .await
        .unwrap();
    let renewed = overview(&questions).await;
    assert_eq!((renewed.renewed, renewed.renewed_unaided), (1, 1));

    clock.advance(std::time::Duration::from_secs(13 * 86_400));
    let later = overview(&questions).await;
    assert_eq!(counted(&later)[&CertificateStatus::Expired], 2);
    assert_eq!(
        later.expiries[0].friendly_name, "Hand",
        "the other one ended more than 10 days ago"
    );

    tables.position.log_changed();
    assert_eq!(
        overview(&questions).await.following(),
        Following::LogChanged
    );
}

#[tokio::test]
async fn many_are_told_by_the_day() {
    let script = shops();
    let tables = Tables::with(&script.events).await;
    let row = certificate::Entity::find_by_id("far").one(&tables.database);
    let row = row.await.unwrap().unwrap();
    let many = (0..150).map(|n| {
        let one = certificate::Model {
            id: format!("many-{n:03}"),
            ..row.clone()
        };
        one.into_active_model()
    });
    let inserted = certificate::Entity::insert_many(many);
    inserted.exec(&tables.database).await.unwrap();
    let overview = overview(&tables.questions(&Clock::manual(START))).await;
    assert!(overview.expiries.is_empty());
    assert_eq!(overview.days.iter().map(|day| day.count).sum::<u32>(), 154);
}

#[tokio::test]
async fn an_event_says_what_it_is_about_by_the_name_of_now() {
    let mut script = shops();
    let renamed = api::keystore::v1::CertificateRenamed {
        friendly_name: "Corner shop".to_owned(),
    };
    script.certificate("shop", CertificateEvent::Renamed(renamed));
    script.default_selected("far");
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let about = |event: &Event| {
        let subject = event.subject.clone().unwrap_or_default();
        (event.event.clone(), subject.kind, subject.name)
    };
    let told = events(&questions, "").await;
    let told = told.iter().map(about).collect::<Vec<_>>();
    for (event, kind, name) in [
        ("default-selected", "certificate", "Far"),
        ("issued", "certificate", "Corner shop"),
        ("registered", "acme-server", "Test CA"),
        ("requested", "automation", "Kiosk"),
        ("created", "request", "Mail"),
        ("generated", "key", "Hand"),
        ("raised", "automation", ""),
    ] {
        let expected = (event.to_owned(), kind.to_owned(), name.to_owned());
        assert!(told.contains(&expected), "{expected:?}: {told:?}");
    }
}

#[tokio::test]
async fn a_certificates_events_are_those_of_all_that_made_it() {
    let script = shops();
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let told = events(&questions, "certificate=shop").await;
    let told = told
        .iter()
        .map(|event| format!("{}.{}", event.aggregate, event.event));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "automation.renewal-scheduled",
            "automation.certificate-issued",
            "certificate.issued",
            "automation.requested",
        ]
    );
    let told = events(&questions, "certificate=hand event=generated").await;
    assert_eq!(told.len(), 1, "its key's");
    assert!(events(&questions, "certificate=nothing").await.is_empty());
}
