//! What a caller sees who is held to some certificates.

use api::projection::v1::{GetRequest, ListRequest, query_service_server::QueryService};
use projection::events::AutomationEvent;
use runtime::Clock;
use time::Duration;
use tonic::Code;

use crate::{
    database::Tables,
    script::{self, START, Script, asked, asked_within, certificate},
};

const SHOP: &[&str] = &["shop.example", "*.shop.example"];

#[tokio::test]
async fn a_list_holds_what_is_his_alone() {
    let tables = tables().await;
    let questions = tables.questions(&Clock::manual(START));
    let certificates = async |within: &[&str], filter: &str, page_size: u32| {
        let request = ListRequest {
            filter: filter.into(),
            page_size,
            ..ListRequest::default()
        };
        let answer = questions
            .list_certificates(asked_within(within, request))
            .await;
        let answer = answer.unwrap().into_inner();
        let names = answer.certificates.into_iter().map(|row| row.friendly_name);
        names.collect::<Vec<_>>()
    };
    assert_eq!(
        certificates(&[], "", 0).await,
        ["Bank", "Both", "Shop", "Shop's wildcard"]
    );
    assert_eq!(certificates(SHOP, "", 0).await, ["Shop", "Shop's wildcard"]);
    assert_eq!(certificates(SHOP, "", 1).await, ["Shop"]);
    assert_eq!(
        certificates(&["shop.example"], "", 0).await,
        Vec::<String>::new()
    );
    assert_eq!(
        certificates(SHOP, "name:wild", 0).await,
        ["Shop's wildcard"]
    );
    assert_eq!(
        certificates(SHOP, "names=bank.example", 0).await,
        Vec::<String>::new()
    );
    // What a pattern could mean is meant as it stands.
    assert_eq!(
        certificates(&["*.sho_.example"], "", 0).await,
        Vec::<String>::new()
    );

    let request = ListRequest::default();
    let automations = questions
        .list_automations(asked_within(SHOP, request.clone()))
        .await;
    let automations = automations.unwrap().into_inner().automations;
    assert_eq!(automations.len(), 1);
    assert_eq!(automations[0].friendly_name, "Shop");
    let pending = questions
        .list_certificate_requests(asked_within(SHOP, request.clone()))
        .await;
    let pending = pending.unwrap().into_inner().requests;
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].friendly_name, "Shop's next");
    // Keys have no names: the list is closed to him, and would be empty.
    let keys = questions.list_keys(asked_within(SHOP, request)).await;
    assert!(keys.unwrap().into_inner().keys.is_empty());
}

#[tokio::test]
async fn what_is_not_his_is_not_there() {
    let tables = tables().await;
    let questions = tables.questions(&Clock::manual(START));
    let get = |id: &str| GetRequest {
        id: id.into(),
        at_least: 0,
        ..GetRequest::default()
    };
    let his = questions
        .get_certificate(asked_within(SHOP, get("Shop")))
        .await;
    assert_eq!(his.unwrap().into_inner().id, "c1");
    for others in ["Bank", "c2", "Both", "c3"] {
        let there = questions.get_certificate(asked(get(others))).await;
        assert!(there.is_ok(), "{others}");
        let hidden = questions
            .get_certificate(asked_within(SHOP, get(others)))
            .await;
        let hidden = hidden.unwrap_err();
        let nobodys = questions
            .get_certificate(asked_within(SHOP, get("nobody's")))
            .await;
        assert_eq!(hidden.code(), Code::NotFound);
        let message = nobodys.unwrap_err().message().replace("nobody's", others);
        assert_eq!(hidden.message(), message);
    }
    let his = questions
        .get_automation(asked_within(SHOP, get("a1")))
        .await;
    assert!(his.is_ok());
    let hidden = questions
        .get_automation(asked_within(SHOP, get("a2")))
        .await;
    assert_eq!(hidden.unwrap_err().code(), Code::NotFound);
    let his = questions
        .get_certificate_request(asked_within(SHOP, get("r1")))
        .await;
    assert!(his.is_ok());
    let hidden = questions
        .get_certificate_request(asked_within(SHOP, get("r2")))
        .await;
    assert_eq!(hidden.unwrap_err().code(), Code::NotFound);
}

/// Certificates, automations and requests of a shop and of a bank.
async fn tables() -> Tables {
    let mut script = Script::default();
    for (n, id, name, names) in [
        (1, "c1", "Shop", &["shop.example", "www.shop.example"][..]),
        (2, "c2", "Bank", &["bank.example"]),
        (3, "c3", "Both", &["shop.example", "bank.example"]),
        (4, "c4", "Shop's wildcard", &["*.shop.example"]),
    ] {
        let leaf = certificate(n, names, START, Duration::days(90));
        script.issued(id, script::issued(name, leaf, vec![]));
    }
    for (id, name, names) in [
        ("a1", "Shop", &["shop.example", "www.shop.example"][..]),
        ("a2", "Bank", &["bank.example"]),
    ] {
        let AutomationEvent::Requested(mut requested) = script::requested(name, "s1") else {
            unreachable!()
        };
        requested.dns_names = names.iter().map(ToString::to_string).collect();
        script.automation(id, AutomationEvent::Requested(requested));
    }
    script.request("r1", script::request("Shop's next", 5, &["a.shop.example"]));
    script.request("r2", script::request("Bank's next", 6, &["bank.example"]));
    Tables::with(&script.events).await
}
