//! What each event does to the tables.

use api::{
    acme::v1::{
        AccountKeyRolled, AutomationRequested, DnsProviderAdded, DnsProviderRemoved,
        ServerContactUpdated, ServerDeactivated,
    },
    convert::timestamp,
    projection::v1::{
        CertificateStatus, GetRequest, ListRequest, Source, query_service_server::QueryService,
    },
    x509::v1::KeyAlgorithm,
};
use projection::{
    events::{AutomationEvent, DnsProviderEvent, ServerEvent},
    grpc::Questions,
};
use runtime::Clock;
use time::Duration;
use tonic::Request;

use crate::{
    database::Tables,
    script::{self, START, Script, certificate, issuer},
};

fn get(id: &str) -> Request<GetRequest> {
    crate::script::asked(GetRequest {
        id: id.to_owned(),
        at_least: 0,
        ..GetRequest::default()
    })
}

#[tokio::test]
async fn a_key_is_shown_with_the_certificates_that_use_it() {
    let mut script = Script::default();
    let made = script.key("key-1", script::key_of(1));
    script.key("key-2", script::key_of(2));
    let first = certificate(1, &["a.example"], START, Duration::days(90));
    script.issued("certificate-1", script::issued("Shop", first, vec![]));
    let second = certificate(2, &["a.example"], START, Duration::days(90));
    script.renewed("certificate-1", script::renewed(2, second.clone(), vec![]));
    script.issued("certificate-0", script::issued("Other", second, vec![]));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));

    let key = questions.get_key(get("key-1")).await.unwrap().into_inner();
    assert_eq!(key.algorithm(), KeyAlgorithm::EcdsaP256);
    assert_eq!(key.spki_der, vec![0x30, !1]);
    assert_eq!(key.created, Some(timestamp(script.time_of(made))));
    assert_eq!(
        key.certificate_ids,
        ["certificate-1"],
        "an older version counts too"
    );
    let by_hash = questions
        .get_key(get(&"fe".repeat(32)))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(by_hash, key);
    let second = questions.get_key(get("key-2")).await.unwrap().into_inner();
    assert_eq!(second.certificate_ids, ["certificate-0", "certificate-1"]);
}

#[tokio::test]
async fn a_server_is_shown_as_it_was_registered() {
    let mut script = Script::default();
    let at = script.server("server-1", script::server("Test CA"));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let server = questions
        .get_server(get("Test CA"))
        .await
        .unwrap()
        .into_inner();
    let told = script::server("Test CA");
    assert_eq!(server.id, "server-1");
    assert_eq!(server.directory_url, told.directory_url);
    assert_eq!(server.account_url, told.account_url);
    assert_eq!(server.account_key_thumbprint, told.account_key_thumbprint);
    assert_eq!(server.terms_of_service_url, told.terms_of_service_url);
    assert_eq!(server.website_url, told.website_url);
    assert_eq!(server.caa_identities, told.caa_identities);
    assert_eq!(server.profiles, told.profiles);
    assert_eq!(server.external_account_key_id, told.external_account_key_id);
    assert_eq!(server.created, Some(timestamp(script.time_of(at))));
}

#[tokio::test]
async fn an_account_has_its_newest_key_and_an_end() {
    let mut script = Script::default();
    script.server("server-1", script::server("Test CA"));
    script.tell(
        "acme-server",
        "server-1",
        &ServerEvent::ContactUpdated(ServerContactUpdated { contacts: 2 }),
    );
    let rolled = AccountKeyRolled {
        account_key_thumbprint: "newer".to_owned(),
    };
    script.tell(
        "acme-server",
        "server-1",
        &ServerEvent::AccountKeyRolled(rolled),
    );
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let server = questions.get_server(get("Test CA")).await.unwrap();
    let server = server.into_inner();
    assert_eq!(server.account_key_thumbprint, "newer");
    assert_eq!(server.deactivated, None);
    let over = ServerEvent::Deactivated(ServerDeactivated {});
    let at = script.tell("acme-server", "server-1", &over);
    tables.apply(&script.events[3..]).await.unwrap();
    let server = questions.get_server(get("server-1")).await.unwrap();
    let deactivated = server.into_inner().deactivated;
    assert_eq!(deactivated, Some(timestamp(script.time_of(at))));
}

#[tokio::test]
async fn a_dns_provider_is_shown_with_the_automations_that_use_it() {
    let added = |name: &str, kind: &str| {
        DnsProviderEvent::Added(DnsProviderAdded {
            name: name.to_owned(),
            kind: kind.to_owned(),
            settings: [("server".to_owned(), "ns1.example".to_owned())].into(),
        })
    };
    let uses = |provider: &str| match script::requested("Shop", "server-1") {
        AutomationEvent::Requested(requested) => AutomationEvent::Requested(AutomationRequested {
            dns_provider_id: provider.to_owned(),
            ..requested
        }),
        other => other,
    };
    let mut script = Script::default();
    let made = script.tell("dns-provider", "p", &added("Home", "rfc2136"));
    script.tell("dns-provider", "q", &added("Cloud", "cloudflare"));
    for id in ["a", "b", "c"] {
        script.automation(id, uses("p"));
    }
    script.automation("b", script::cancelled());
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let list = async |filter: &str| {
        let request = ListRequest {
            filter: filter.to_owned(),
            ..ListRequest::default()
        };
        let answer = questions
            .list_dns_providers(crate::script::asked(request))
            .await;
        answer.unwrap().into_inner().dns_providers
    };
    let [cloud, home] = &list("").await[..] else {
        panic!("two providers")
    };
    assert_eq!((&*cloud.name, &cloud.automation_ids.len()), ("Cloud", &0));
    assert_eq!((&*home.id, &*home.kind), ("p", "rfc2136"));
    assert_eq!(home.settings["server"], "ns1.example");
    assert_eq!(home.automation_ids, ["a", "c"]);
    assert_eq!(home.created, Some(timestamp(script.time_of(made))));
    assert_eq!(list("kind=rfc2136 name:HO").await.len(), 1);
    let removed = DnsProviderEvent::Removed(DnsProviderRemoved {});
    script.tell("dns-provider", "q", &removed);
    tables.apply(&script.events[6..]).await.unwrap();
    assert_eq!(list("").await.len(), 1);
}

#[tokio::test]
async fn a_renewed_certificate_keeps_what_stays_and_shows_what_is_new() {
    let mut script = Script::default();
    let (old, new) = (
        certificate(1, &["a.example", "b.example"], START, Duration::days(90)),
        certificate(
            2,
            &["a.example", "2001:db8::1"],
            START + Duration::days(60),
            Duration::days(90),
        ),
    );
    script.key("key-2", script::key_of(2));
    let first = script.issued(
        "certificate-1",
        script::issued("Shop", old.clone(), vec![issuer(101), issuer(102)]),
    );
    let last = script.renewed(
        "certificate-1",
        script::renewed(2, new.clone(), vec![issuer(103), issuer(102)]),
    );
    for batches in [vec![&script.events[..]], script.events.chunks(1).collect()] {
        let tables = Tables::empty().await;
        for batch in batches {
            tables.apply(batch).await.unwrap();
        }
        let clock = Clock::manual(START + Duration::days(61));
        let questions = tables.questions(&clock);
        let shown = questions
            .get_certificate(get("Shop"))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(shown.id, "certificate-1");
        assert_eq!(shown.version, 2);
        assert_eq!(shown.key_id, "key-2");
        assert_eq!(shown.automation_id, "automation-1");
        assert_eq!(shown.source(), Source::Acme);
        assert!(shown.serve);
        assert_eq!(shown.certificate.as_ref(), Some(&new));
        assert_eq!(shown.issuers, [issuer(103), issuer(102)]);
        assert_eq!(shown.created, Some(timestamp(script.time_of(first))));
        assert_eq!(shown.updated, Some(timestamp(script.time_of(last))));
        for fingerprint in [
            &old.sha256_fingerprint,
            &new.sha256_fingerprint.to_uppercase(),
        ] {
            let found = questions
                .get_certificate(get(fingerprint))
                .await
                .unwrap()
                .into_inner();
            assert_eq!(found, shown);
        }
        for (filter, found) in [
            ("names=b.example", 0),
            ("names=a.example", 1),
            ("names=2001:DB8:0::1", 1),
        ] {
            assert_eq!(names(&questions, filter).await.len(), found, "{filter}");
        }
    }
}

async fn names(questions: &Questions, filter: &str) -> Vec<String> {
    let request = ListRequest {
        filter: filter.to_owned(),
        ..Default::default()
    };
    let answer = questions
        .list_certificates(crate::script::asked(request))
        .await
        .unwrap()
        .into_inner();
    answer
        .certificates
        .into_iter()
        .map(|c| c.friendly_name)
        .collect()
}

#[tokio::test]
async fn a_status_is_computed_when_it_is_asked_for() {
    let mut script = Script::default();
    let begin = START + Duration::days(1);
    script.self_signed(
        "c",
        script::self_signed(
            "Factory",
            certificate(1, &["x.example"], begin, Duration::days(90)),
            true,
        ),
    );
    let tables = Tables::with(&script.events).await;
    let clock = Clock::manual(START);
    let questions = tables.questions(&clock);
    let (day, micro) = (
        std::time::Duration::from_secs(86_400),
        std::time::Duration::from_micros(1),
    );
    for (wait, status, word) in [
        (day - micro, CertificateStatus::NotYetValid, "not-yet-valid"),
        (micro, CertificateStatus::Valid, "valid"),
        (60 * day - micro, CertificateStatus::Valid, "valid"),
        (micro, CertificateStatus::Expiring, "expiring"),
        (30 * day, CertificateStatus::Expiring, "expiring"),
        (micro, CertificateStatus::Expired, "expired"),
    ] {
        clock.advance(wait);
        let shown = questions
            .get_certificate(get("c"))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(shown.status(), status, "at {}", clock.now());
        assert_eq!(shown.source(), Source::Factory);
        for other in ["not-yet-valid", "valid", "expiring", "expired"] {
            let is = names(&questions, &format!("status={other}")).await.len() == 1;
            let is_not = names(&questions, &format!("status!={other}")).await.len() == 1;
            assert_eq!(
                (is, is_not),
                (other == word, other != word),
                "{other} at {}",
                clock.now()
            );
        }
    }
}

#[tokio::test]
async fn an_event_is_shown_as_it_stands_in_the_log() {
    let mut script = Script::default();
    script.key("key-1", script::key(7));
    script.tell_raw(
        "tls",
        "default",
        "serving-granted",
        "chancery.keystore.v1.ServingGranted",
        br#"{"gateway":"g","certificates":2}"#,
    );
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let request = crate::script::asked(ListRequest::default());
    let answer = questions.list_events(request).await.unwrap().into_inner();
    assert_eq!(answer.position, 2);
    let [newest, oldest] = &answer.events[..] else {
        panic!("{answer:?}")
    };
    assert_eq!((newest.sequence, oldest.sequence), (2, 1));
    let told = &script.events[1];
    assert_eq!(newest.id, told.event_id.to_string());
    assert_eq!(
        (&*newest.aggregate, &*newest.aggregate_id, &*newest.event),
        ("tls", "default", "serving-granted")
    );
    assert_eq!(newest.actor, "service/test");
    assert_eq!(newest.correlation_id, told.correlation_id.to_string());
    assert_eq!(newest.causation_id, told.causation_id.unwrap().to_string());
    assert_eq!(newest.time, Some(timestamp(told.time)));
    assert_eq!(newest.schema, "chancery.keystore.v1.ServingGranted");
    assert_eq!(oldest.causation_id, "");
    let body = serde_json::to_value(newest.body.as_ref().unwrap()).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"gateway": "g", "certificates": 2.0})
    );
}
