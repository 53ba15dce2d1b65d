//! Keys, certificates and their chains find each other, whatever the order in which they come.

use std::process::Command;

use api::{
    convert::timestamp,
    keystore::v1::{CertificateChainCompleted, CertificateDeleted},
    projection::v1::{
        Certificate, GetRequest, Key, KeyOrigin, ListRequest, Source,
        query_service_server::QueryService,
    },
    x509::v1,
};
use projection::{
    events::CertificateEvent::{ChainCompleted, Deleted},
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

async fn shown(questions: &Questions, id: &str) -> Certificate {
    let answer = questions.get_certificate(get(id)).await;
    answer.unwrap().into_inner()
}

async fn key(questions: &Questions, id: &str) -> Key {
    questions.get_key(get(id)).await.unwrap().into_inner()
}

async fn key_ids(questions: &Questions, filter: &str) -> Vec<String> {
    let request = ListRequest {
        filter: filter.to_owned(),
        ..Default::default()
    };
    let answer = questions
        .list_keys(crate::script::asked(request))
        .await
        .unwrap();
    let keys = answer.into_inner().keys.into_iter();
    keys.map(|key| key.id).collect()
}

fn leaf(n: u8) -> v1::Certificate {
    certificate(n, &["a.example"], START, Duration::days(90))
}

fn root(n: u8) -> v1::Certificate {
    v1::Certificate {
        self_signed: true,
        ..issuer(n)
    }
}

#[tokio::test]
async fn a_key_that_comes_later_is_the_certificates_until_it_is_destroyed() {
    let mut script = Script::default();
    script.imported("c", script::imported("Leaf", leaf(1), vec![]));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let tell = async |script: &Script| tables.apply(&script.events).await.unwrap();
    let before = shown(&questions, "c").await;
    assert_eq!((before.source(), &*before.key_id), (Source::Imported, ""));
    assert_eq!(before.versions[0].key_id, "");

    let came = script.key_imported("k", script::key_of(1));
    tell(&script).await;
    let with_key = shown(&questions, "c").await;
    assert_eq!(
        (&*with_key.key_id, &*with_key.versions[0].key_id),
        ("k", "k")
    );
    let shown_key = key(&questions, "k").await;
    assert_eq!(shown_key.origin(), KeyOrigin::Imported);
    assert_eq!(shown_key.created, Some(timestamp(script.time_of(came))));
    assert_eq!(shown_key.certificate_ids, ["c"]);
    assert_eq!((shown_key.exports, shown_key.last_exported), (0, None));
    assert_eq!(shown_key.destroyed, None);

    script.key_exported("k");
    let last = script.key_exported("k");
    let gone = script.key_destroyed("k");
    tell(&script).await;
    let shown_key = key(&questions, &"fe".repeat(32)).await;
    assert_eq!(shown_key.exports, 2);
    assert_eq!(
        shown_key.last_exported,
        Some(timestamp(script.time_of(last)))
    );
    assert_eq!(shown_key.destroyed, Some(timestamp(script.time_of(gone))));
    assert!(key_ids(&questions, "").await.is_empty());
    assert_eq!(shown(&questions, "c").await, before);

    script.key_imported("again", script::key_of(1));
    tell(&script).await;
    assert_eq!(key(&questions, &"fe".repeat(32)).await.id, "again");
    assert_eq!(key_ids(&questions, "origin=imported").await, ["again"]);
    assert!(key_ids(&questions, "origin=generated").await.is_empty());
    assert_eq!(shown(&questions, "c").await.key_id, "again");
}

#[tokio::test]
async fn a_key_is_used_as_long_as_anything_here_uses_it() {
    let mut script = Script::default();
    script.key("old", script::key_of(1));
    script.key("new", script::key_of(2));
    script.key("free", script::key_of(3));
    script.issued("c", script::issued("Shop", leaf(1), vec![]));
    script.renewed("c", script::renewed(2, leaf(2), vec![]));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    assert_eq!(key_ids(&questions, "used=false").await, ["free"]);
    assert_eq!(key_ids(&questions, "used=true").await, ["new", "old"]);

    script.certificate("c", Deleted(CertificateDeleted {}));
    script.imported("d", script::imported("Other", leaf(1), vec![]));
    tables.apply(&script.events).await.unwrap();
    assert_eq!(key_ids(&questions, "used!=true").await, ["free", "new"]);
    assert_eq!(key(&questions, "old").await.certificate_ids, ["d"]);
    assert!(key(&questions, "new").await.certificate_ids.is_empty());
}

#[tokio::test]
async fn a_chain_is_complete_when_it_ends_in_a_self_signed_certificate() {
    let mut script = Script::default();
    let (intermediate, ca) = (issuer(101), root(102));
    script.issued("none", script::issued("None", leaf(1), vec![]));
    script.issued(
        "one",
        script::issued("One", leaf(2), vec![intermediate.clone()]),
    );
    let whole = vec![intermediate.clone(), ca.clone()];
    script.issued("whole", script::issued("Whole", leaf(3), whole.clone()));
    script.imported("root", script::imported("Root", ca.clone(), vec![]));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let missing = |certificate: &Certificate| {
        let complete = certificate.chain_complete;
        (complete, certificate.missing_issuer.clone())
    };
    for (id, complete) in [
        ("none", false),
        ("one", false),
        ("whole", true),
        ("root", true),
    ] {
        let text = if complete { "" } else { "CN=Test CA R3,O=Test" };
        let shown = shown(&questions, id).await;
        assert_eq!(missing(&shown), (complete, text.to_owned()), "{id}");
    }

    script.renewed("one", script::renewed(2, leaf(4), vec![intermediate]));
    let completed = |version, issuers: &[v1::Certificate]| {
        ChainCompleted(CertificateChainCompleted {
            version,
            issuers: issuers.to_vec(),
        })
    };
    script.certificate("none", completed(1, &whole));
    script.certificate("one", completed(1, &whole));
    tables.apply(&script.events).await.unwrap();
    let none = shown(&questions, "none").await;
    assert_eq!(missing(&none), (true, String::new()));
    assert_eq!(none.issuers, whole);
    let one = shown(&questions, "one").await;
    assert!(
        !one.chain_complete,
        "an older version's chain is not the newest's"
    );
    assert_eq!(one.issuers, [issuer(101)]);

    script.certificate("one", completed(2, &whole));
    tables.apply(&script.events).await.unwrap();
    assert_eq!(shown(&questions, "one").await.issuers, whole);
}

#[tokio::test]
async fn every_version_is_shown_with_the_newest_first() {
    let mut script = Script::default();
    let later = certificate(2, &["a.example"], START + Duration::DAY, Duration::days(90));
    script.key("k", script::key_of(2));
    let first = script.issued("c", script::issued("Shop", leaf(1), vec![]));
    let second = script.renewed("c", script::renewed(2, later.clone(), vec![]));
    let tables = Tables::with(&script.events).await;
    let versions = shown(&tables.questions(&Clock::manual(START)), "c")
        .await
        .versions;
    let [newest, oldest] = &versions[..] else {
        panic!("{versions:?}")
    };
    assert_eq!((newest.version, &*newest.key_id), (2, "k"));
    assert_eq!((oldest.version, &*oldest.key_id), (1, ""));
    assert_eq!(newest.serial_number, "02");
    assert_eq!(newest.sha256_fingerprint, later.sha256_fingerprint);
    assert_eq!(newest.not_before, later.not_before);
    assert_eq!(newest.not_after, later.not_after);
    assert_eq!(newest.created, Some(timestamp(script.time_of(second))));
    assert_eq!(oldest.created, Some(timestamp(script.time_of(first))));
}

#[tokio::test]
async fn the_detail_says_the_subject_field_by_field_and_where_the_missing_issuer_lies() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificate.der");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args([
            "-nodes",
            "-days",
            "9",
            "-subj",
            "/C=CH/O=Shop/CN=shop.example",
        ])
        .args([
            "-addext",
            "authorityInfoAccess=caIssuers;URI:http://ca.example/ca.der",
        ])
        .args(["-outform", "DER", "-keyout", "/dev/null", "-out"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let real = v1::Certificate {
        der: std::fs::read(file).unwrap().into(),
        ..leaf(1)
    };
    let mut script = Script::default();
    script.imported("c", script::imported("Shop", real.clone(), vec![]));
    script.imported("d", script::imported("Leaf", leaf(2), vec![real.clone()]));
    script.imported(
        "e",
        script::imported("Whole", leaf(3), vec![real, root(102)]),
    );
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    let certificate = shown(&questions, "c").await;
    let subject = v1::Subject {
        common_name: "shop.example".to_owned(),
        organization: "Shop".to_owned(),
        country: "CH".to_owned(),
        ..v1::Subject::default()
    };
    assert_eq!(certificate.subject, Some(subject));
    assert_eq!(certificate.missing_issuer_url, "http://ca.example/ca.der");
    let below = shown(&questions, "d").await;
    assert_eq!(below.missing_issuer_url, "http://ca.example/ca.der");
    assert_eq!(shown(&questions, "e").await.missing_issuer_url, "");
}
