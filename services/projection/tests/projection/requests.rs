//! Certificate requests: pending, fulfilled, deleted.

use api::{
    convert::timestamp,
    csr::v1::{RequestDeleted, RequestFulfilled},
    projection::v1::{
        CertificateRequest, GetRequest, Key, ListRequest, RequestStatus,
        query_service_server::QueryService,
    },
    refuse,
};
use projection::{
    events::RequestEvent::{Deleted, Fulfilled},
    grpc::Questions,
};
use runtime::Clock;
use time::Duration;
use tonic::{Code, Request, Status};

use crate::{
    database::Tables,
    script::{self, START, Script, certificate},
};

fn by(id: &str) -> Request<GetRequest> {
    crate::script::asked(GetRequest {
        id: id.to_owned(),
        at_least: 0,
        ..GetRequest::default()
    })
}

async fn get(questions: &Questions, id: &str) -> Result<CertificateRequest, Status> {
    let answer = questions.get_certificate_request(by(id)).await;
    answer.map(|answer| answer.into_inner())
}

async fn key(questions: &Questions, id: &str) -> Key {
    questions.get_key(by(id)).await.unwrap().into_inner()
}

async fn ids(questions: &Questions, filter: &str, sort: &str) -> Vec<String> {
    let request = ListRequest {
        filter: filter.to_owned(),
        sort: sort.to_owned(),
        ..Default::default()
    };
    let answer = questions.list_certificate_requests(crate::script::asked(request));
    let rows = answer.await.unwrap().into_inner().requests.into_iter();
    rows.map(|row| row.id).collect()
}

fn fulfilled(certificate_id: &str) -> projection::events::RequestEvent {
    Fulfilled(RequestFulfilled {
        certificate_id: certificate_id.to_owned(),
        sha256_fingerprint: "01".repeat(32),
    })
}

#[tokio::test]
async fn a_request_is_shown_whole_and_with_what_answered_it() {
    let mut script = Script::default();
    script.key("k", script::key_of(1));
    let made = script.request(
        "r",
        script::request("Shop", 1, &["a.example", "2001:db8::1"]),
    );
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let pending = get(&questions, "Shop").await.unwrap();
    assert_eq!(
        (&*pending.id, pending.status()),
        ("r", RequestStatus::Pending)
    );
    assert_eq!(pending.key_id, "k");
    assert_eq!(pending.subject.as_ref().unwrap().organization, "Shop");
    let names = pending.subject_alt_names.as_ref().unwrap();
    assert_eq!(names.dns_names, ["a.example"]);
    assert_eq!(names.ip_addresses, ["2001:db8::1"]);
    assert_eq!(
        pending.csr_pem,
        "-----BEGIN CERTIFICATE REQUEST-----\nMAE=\n-----END CERTIFICATE REQUEST-----\n"
    );
    assert_eq!(pending.created, Some(timestamp(script.time_of(made))));
    assert_eq!((&*pending.certificate_id, pending.fulfilled), ("", None));
    assert_eq!(key(&questions, "k").await.request_ids, ["r"]);

    let leaf = certificate(1, &["a.example"], START, Duration::days(90));
    let mut imported = script::imported("Shop", leaf, vec![]);
    "r".clone_into(&mut imported.request_id);
    script.imported("c", imported);
    let answered = script.request("r", fulfilled("c"));
    script.key_destroyed("k");
    tables.apply(&script.events).await.unwrap();
    let done = get(&questions, "r").await.unwrap();
    assert_eq!(
        (done.status(), &*done.certificate_id),
        (RequestStatus::Fulfilled, "c")
    );
    assert_eq!(done.fulfilled, Some(timestamp(script.time_of(answered))));
    assert_eq!(done.key_id, "", "destroyed");
    assert_eq!(done.csr_pem, pending.csr_pem);
    let refused = get(&questions, "Shop").await.unwrap_err();
    assert_eq!(
        refused.code(),
        Code::NotFound,
        "the name is the certificate's now"
    );
    let certificate = questions.get_certificate(by("Shop")).await.unwrap();
    assert_eq!(certificate.into_inner().request_id, "r");
    let key = key(&questions, "k").await;
    assert!(key.request_ids.is_empty());
    assert_eq!(key.certificate_ids, ["c"]);
}

#[tokio::test]
async fn a_deleted_request_is_not_there_and_its_key_stays() {
    let mut script = Script::default();
    script.key("k", script::key_of(1));
    script.request("r", script::request("Shop", 1, &["a.example"]));
    script.request("r", Deleted(RequestDeleted {}));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    for id in ["r", "Shop"] {
        let refused = get(&questions, id).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{id}");
        assert_eq!(refuse::reason(&refused).as_deref(), Some("NOT_FOUND"));
    }
    assert!(ids(&questions, "", "").await.is_empty());
    let unused = ListRequest {
        filter: "used=false".to_owned(),
        ..Default::default()
    };
    let keys = questions
        .list_keys(crate::script::asked(unused))
        .await
        .unwrap();
    assert_eq!(keys.into_inner().keys[0].id, "k");

    // The answer may have been on its way.
    script.request("r", fulfilled("c"));
    tables.apply(&script.events[3..]).await.unwrap();
    assert!(get(&questions, "r").await.is_err());
}

#[tokio::test]
async fn requests_are_filtered_and_sorted() {
    let mut script = Script::default();
    script.request("1", script::request("Büro", 1, &["xn--bcher-kva.example"]));
    script.request(
        "2",
        script::request("archiv", 2, &["a.example", "2001:db8::1"]),
    );
    script.request("3", script::request("Zentrale", 3, &["*.a.example"]));
    script.request("2", fulfilled("c"));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    for (filter, sort, expected) in [
        ("", "", vec!["2", "1", "3"]),
        ("", "-created", vec!["3", "2", "1"]),
        ("", "-status", vec!["2", "3", "1"]),
        ("status=pending", "", vec!["1", "3"]),
        ("status!=pending", "", vec!["2"]),
        ("name:ÜR", "", vec!["1"]),
        ("names=bücher.example", "", vec!["1"]),
        ("names=2001:DB8:0::1", "", vec!["2"]),
        ("names:*.", "", vec!["3"]),
        ("names!=a.example", "", vec!["1", "3"]),
        ("created>2026-01-01T00:01:30Z", "", vec!["3"]),
    ] {
        assert_eq!(
            ids(&questions, filter, sort).await,
            expected,
            "{filter} {sort}"
        );
    }
}
