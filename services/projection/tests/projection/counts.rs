//! Counts are what a loop over the lists would count.

use std::collections::BTreeMap;

use api::{
    keystore::v1::{CertificateDeleted, CertificateRevoked},
    projection::v1::{
        CertificateStatus, CountCertificatesRequest, CountCertificatesResponse, ListRequest,
        StatusCount, query_service_server::QueryService,
    },
    x509::v1::{Certificate, RevocationReason},
};
use projection::{events::CertificateEvent, grpc::Questions};
use runtime::Clock;
use time::Duration;

use crate::{
    database::Tables,
    script::{self, START, Script, asked, certificate},
};

#[tokio::test]
async fn as_many_are_counted_of_each_status_as_are_listed() {
    let tables = Tables::with(&estate().events).await;
    let mut seen = BTreeMap::<i32, u32>::new();
    for day in [-1, 0, 20, 59, 61, 66, 91, 400] {
        let clock = Clock::manual(START + Duration::days(day));
        let questions = tables.questions(&clock);
        let counted = counted(&questions).await;
        let listed = listed(&questions, "own=true").await;
        let (mut by_status, mut numbers) = (BTreeMap::<i32, u32>::new(), BTreeMap::new());
        for row in &listed {
            *by_status.entry(row.status).or_default() += 1;
        }
        for StatusCount { status, count } in counted.certificates {
            numbers.insert(status, count);
        }
        assert_eq!(numbers, by_status, "day {day}");
        for (word, status) in STATUSES {
            let found = self::listed(&questions, &format!("own=true status={word}")).await;
            let count = by_status.get(&status.into()).copied().unwrap_or_default();
            assert_eq!(found.len() as u32, count, "{word}, day {day}");
        }
        for (status, count) in by_status {
            *seen.entry(status).or_default() += count;
        }
        assert_eq!((counted.links, counted.deleted), (1, 1));
    }
    assert_eq!(seen.len(), 7, "each status of a certificate: {seen:?}");
}

#[tokio::test]
async fn what_was_never_issued_is_counted_by_itself() {
    let tables = Tables::with(&estate().events).await;
    let questions = tables.questions(&Clock::manual(START));
    let count = |status: CertificateStatus| StatusCount {
        status: status.into(),
        count: 1,
    };
    let mut never_issued = counted(&questions).await.never_issued;
    never_issued.sort_by_key(|count| count.status);
    assert_eq!(
        never_issued,
        [
            count(CertificateStatus::Error),
            count(CertificateStatus::Pending)
        ]
    );
    let request = ListRequest {
        filter: "issued=false".to_owned(),
        ..ListRequest::default()
    };
    let listed = questions.list_automations(asked(request)).await.unwrap();
    let names = listed.into_inner().automations.into_iter();
    let names = names.map(|row| row.friendly_name).collect::<Vec<_>>();
    assert_eq!(names, ["Fails", "Waits"]);
}

#[tokio::test]
async fn one_field_finds_what_people_look_for() {
    let tables = Tables::with(&estate().events).await;
    let questions = tables.questions(&Clock::manual(START));
    let fingerprint = ["0b"; 32].join(":").to_uppercase();
    for (filter, names) in [
        ("any:shop", vec!["Shop"]),
        ("any:a.exam", vec!["Shop"]),
        ("any=a.example", vec!["Shop"]),
        ("any=a.exam", vec![]),
        ("any:0B", vec!["Leaf of a CA"]),
        ("any:zz", vec![]),
        ("any:zzz", vec![]),
        ("domain=a.example", vec!["Shop"]),
        ("domain=EXAMPLE. any:shop", vec!["Shop"]),
        ("domain=xample", vec![]),
        ("domain!=example any:shop", vec![]),
        (&format!("any:{fingerprint}"), vec!["Leaf of a CA"]),
        ("any!=shop algorithm=ecdsa-p256 renewal=automatic", vec![]),
        ("renewal=automatic", vec!["Shop"]),
        ("own=false", vec!["A root"]),
        ("algorithm=rsa-2048", vec!["Leaf of a CA"]),
    ] {
        let found = listed(&questions, filter).await.into_iter();
        let found = found.map(|row| row.friendly_name).collect::<Vec<_>>();
        assert_eq!(found, names, "{filter}");
    }
}

/// One of each kind.
fn estate() -> Script {
    let mut script = Script::default();
    let days = Duration::days;
    let leaf = |n: u8, names: &[&str]| certificate(n, names, START, days(90));
    let not_after = START + days(90);
    script.automation("automation-1", script::requested("Shop", "server-1"));
    script.issued("c", script::issued("Shop", leaf(1, &["a.example"]), vec![]));
    script.automation("automation-1", script::certificate_issued(1, not_after));
    script.automation("automation-1", script::order_intended(2));
    script.automation("waits", script::requested("Waits", "server-1"));
    script.automation("fails", script::requested("Fails", "server-1"));
    let failed = projection::events::AutomationEvent::IssuanceFailed(script::failed(1, "CAA"));
    script.automation("fails", failed);
    let other = Certificate {
        key_algorithm: api::x509::v1::KeyAlgorithm::Rsa2048.into(),
        ..leaf(11, &["b.example"])
    };
    script.imported("by-hand", script::imported("Leaf of a CA", other, vec![]));
    let later = certificate(12, &["c.example"], START + days(10), days(300));
    script.imported("later", script::imported("Later", later, vec![]));
    let revoked = CertificateRevoked {
        version: 1,
        reason: RevocationReason::Superseded.into(),
    };
    script.imported(
        "gone",
        script::imported("Gone", leaf(13, &["d.example"]), vec![]),
    );
    script.certificate("gone", CertificateEvent::Revoked(revoked));
    script.imported(
        "deleted",
        script::imported("Del", leaf(14, &["e.example"]), vec![]),
    );
    script.certificate("deleted", CertificateEvent::Deleted(CertificateDeleted {}));
    script.imported(
        "root",
        script::imported("A root", script::issuer(15), vec![]),
    );
    script.imported(
        "ca",
        script::imported("Our own CA", script::issuer(16), vec![]),
    );
    script.key("key-of-our-ca", script::key_of(16));
    script
}

async fn counted(questions: &Questions) -> CountCertificatesResponse {
    let request = asked(CountCertificatesRequest {
        at_least: 1,
        ..CountCertificatesRequest::default()
    });
    let counts = questions.count_certificates(request).await;
    counts.unwrap().into_inner()
}

async fn listed(questions: &Questions, filter: &str) -> Vec<api::projection::v1::Certificate> {
    let request = ListRequest {
        filter: filter.to_owned(),
        ..ListRequest::default()
    };
    let answer = questions.list_certificates(asked(request)).await.unwrap();
    answer.into_inner().certificates
}

const STATUSES: [(&str, CertificateStatus); 7] = [
    ("valid", CertificateStatus::Valid),
    ("expiring", CertificateStatus::Expiring),
    ("renewing", CertificateStatus::Renewing),
    ("error", CertificateStatus::Error),
    ("expired", CertificateStatus::Expired),
    ("revoked", CertificateStatus::Revoked),
    ("not-yet-valid", CertificateStatus::NotYetValid),
];
