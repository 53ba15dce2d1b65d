//! What each event does to the tables.

use api::{
    convert::timestamp,
    projection::v1::{
        CertificateStatus, GetRequest, ListRequest, Source, query_service_server::QueryService,
    },
    x509::v1::KeyAlgorithm,
};
use projection::grpc::Questions;
use runtime::Clock;
use time::Duration;
use tonic::Request;

use crate::{
    database::Tables,
    script::{self, START, Script, certificate, issuer},
};

fn get(id: &str) -> Request<GetRequest> {
    Request::new(GetRequest {
        id: id.to_owned(),
        at_least: 0,
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
        .list_certificates(Request::new(request))
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
    let request = Request::new(ListRequest::default());
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
