//! What is deleted, restored, renamed, and the default.

use api::{
    convert::timestamp,
    keystore::v1::{CertificateDeleted, CertificateRenamed, CertificateRestored},
    projection::v1::{Certificate, GetRequest, ListRequest, query_service_server::QueryService},
    refuse,
};
use projection::{
    events::CertificateEvent::{Deleted, Renamed, Restored},
    grpc::Questions,
};
use runtime::Clock;
use time::Duration;
use tonic::{Code, Status};

use crate::{
    database::Tables,
    script::{self, START, Script, certificate},
};

async fn get(questions: &Questions, id: &str) -> Result<Certificate, Status> {
    let request = crate::script::asked(GetRequest {
        id: id.to_owned(),
        at_least: 0,
        ..GetRequest::default()
    });
    questions
        .get_certificate(request)
        .await
        .map(|a| a.into_inner())
}

async fn listed(questions: &Questions, filter: &str) -> Vec<Certificate> {
    let request = ListRequest {
        filter: filter.to_owned(),
        ..Default::default()
    };
    let answer = questions
        .list_certificates(crate::script::asked(request))
        .await;
    answer.unwrap().into_inner().certificates
}

async fn ids(questions: &Questions, filter: &str) -> Vec<String> {
    let rows = listed(questions, filter).await.into_iter();
    rows.map(|row| row.id).collect()
}

fn shop(n: u8) -> api::keystore::v1::CertificateImported {
    let leaf = certificate(n, &["a.example"], START, Duration::days(90));
    script::imported("Shop", leaf, vec![])
}

#[tokio::test]
async fn a_deleted_certificate_is_put_away_and_comes_back_under_the_name_that_is_free() {
    let mut script = Script::default();
    script.imported("c", shop(1));
    let deleted = script.certificate("c", Deleted(CertificateDeleted {}));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    assert!(ids(&questions, "").await.is_empty());
    assert!(
        ids(&questions, "names=a.example deleted=false")
            .await
            .is_empty()
    );
    assert_eq!(ids(&questions, "names=a.example deleted=true").await, ["c"]);
    let by_id = get(&questions, "c").await.unwrap();
    assert_eq!(by_id.deleted, Some(timestamp(script.time_of(deleted))));
    assert_eq!(by_id.friendly_name, "Shop");
    assert_eq!(get(&questions, &"01".repeat(32)).await.unwrap(), by_id);
    let refused = get(&questions, "Shop").await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(refuse::reason(&refused).as_deref(), Some("NOT_FOUND"));

    script.imported("d", shop(2));
    let restored = CertificateRestored {
        friendly_name: "Shop 2".to_owned(),
    };
    script.certificate("c", Restored(restored));
    tables.apply(&script.events).await.unwrap();
    assert_eq!(get(&questions, "Shop").await.unwrap().id, "d");
    let back = get(&questions, "Shop 2").await.unwrap();
    assert_eq!((&*back.id, back.deleted), ("c", None));
    assert_eq!(ids(&questions, "").await, ["d", "c"]);
    assert!(ids(&questions, "deleted=true").await.is_empty());
}

#[tokio::test]
async fn a_renamed_certificate_is_found_by_its_new_name_alone() {
    let mut script = Script::default();
    script.imported("c", shop(1));
    let renamed = CertificateRenamed {
        friendly_name: "Büro".to_owned(),
    };
    script.certificate("c", Renamed(renamed));
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    assert_eq!(get(&questions, "Büro").await.unwrap().id, "c");
    assert!(get(&questions, "Shop").await.is_err());
    assert_eq!(ids(&questions, "name=BÜRO").await, ["c"]);
}

#[tokio::test]
async fn the_default_is_one_at_a_time() {
    let mut script = Script::default();
    script.imported("c", shop(1));
    script.imported("d", shop(2));
    script.default_selected("c");
    let tables = Tables::with(&script.events).await;
    let questions = tables.questions(&Clock::manual(START));
    assert_eq!(ids(&questions, "default=true").await, ["c"]);
    assert_eq!(ids(&questions, "default=false").await, ["d"]);
    script.default_selected("d");
    tables.apply(&script.events).await.unwrap();
    let rows = listed(&questions, "").await;
    let defaults = rows.iter().map(|row| (row.id.as_str(), row.default));
    assert_eq!(defaults.collect::<Vec<_>>(), [("c", false), ("d", true)]);
    assert!(get(&questions, "d").await.unwrap().default);
    script.default_cleared();
    tables.apply(&script.events).await.unwrap();
    assert!(ids(&questions, "default=true").await.is_empty());
    assert_eq!(ids(&questions, "default!=true").await, ["c", "d"]);
}
