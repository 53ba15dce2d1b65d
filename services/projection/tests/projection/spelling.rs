//! Texts that others wrote: nothing in them stops the follower.

use api::{
    acme::v1::{Failure, OrderFailed, Problem, ServerRegistered},
    projection::v1::{GetRequest, ListRequest, query_service_server::QueryService},
    x509::v1::Certificate,
};
use projection::{
    events::AutomationEvent,
    tables::{MAX_INDEXED, automation, certificate, certificate_name, folded, server},
};
use runtime::Clock;
use sea_orm::EntityTrait;
use time::Duration;

use crate::{
    database::Tables,
    script::{self, START, Script, certificate},
};

#[tokio::test]
async fn what_is_indexed_is_cut_and_no_text_holds_nul() {
    let long = "Ü".repeat(9_000);
    let leaf = Certificate {
        issuer: format!("CN=a\0b,O={long}"),
        ..certificate(1, &[&long, "nul\0.example"], START, Duration::days(90))
    };
    let mut script = Script::default();
    script.imported("c", script::imported("A\0B", leaf, vec![]));
    script.server(
        "s",
        ServerRegistered {
            profiles: vec!["p\0q".to_owned()],
            website_url: "https://ca.example/\0".to_owned(),
            ..script::server(&long)
        },
    );
    script.automation("a", script::requested("Shop", "s"));
    let said = Failure {
        problem: Some(Problem {
            detail: "the page began with \0\u{1}".to_owned(),
            ..Problem::default()
        }),
        ..script::failure("CHALLENGE_FAILED")
    };
    let failed = OrderFailed {
        failure: Some(said.clone()),
        ..script::failed(1, "")
    };
    script.automation("a", AutomationEvent::IssuanceFailed(failed));
    let tables = Tables::with(&script.events).await;

    let database = &tables.database;
    let row = certificate::Entity::find().one(database).await.unwrap();
    let row = row.unwrap();
    assert_eq!(row.friendly_name, "A\u{fffd}B");
    assert!(row.issuer_folded.starts_with("cn=a\u{fffd}b,o=üü"));
    // Between its letters, which have two octets here.
    assert_eq!(row.issuer_folded.len(), MAX_INDEXED - 1);
    for name in certificate_name::Entity::find()
        .all(database)
        .await
        .unwrap()
    {
        assert!(name.name.len() <= MAX_INDEXED && !name.name.contains('\0'));
    }
    let row = server::Entity::find().one(database).await.unwrap().unwrap();
    assert_eq!((row.name.len(), row.name_folded.len()), (18_000, 1_000));
    assert_eq!(row.website_url, "https://ca.example/\u{fffd}");
    let row = automation::Entity::find().one(database).await.unwrap();
    assert!(row.is_some());

    // It is still found, and what a CA said is shown as it said it.
    let questions = tables.questions(&Clock::manual(START));
    let request = ListRequest {
        filter: format!("name={}", "ü".repeat(900)),
        ..ListRequest::default()
    };
    let answer = questions.list_servers(crate::script::asked(request)).await;
    assert_eq!(answer.unwrap().into_inner().servers.len(), 1);
    let request = GetRequest {
        id: "a".to_owned(),
        at_least: 0,
        ..GetRequest::default()
    };
    let answer = questions
        .get_automation(crate::script::asked(request))
        .await;
    assert_eq!(answer.unwrap().into_inner().last_failure, Some(said));
}

#[test]
fn a_cut_text_is_cut_between_letters() {
    let text = format!("a{}", "Ü".repeat(MAX_INDEXED));
    assert_eq!(folded(&text).len(), MAX_INDEXED - 1);
}
