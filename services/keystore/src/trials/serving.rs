//! What a gateway is given: all of it first, then each change, and an event that it was.

use std::{convert::Infallible, pin::Pin};

use api::keystore::v1::{
    CertificateIssued, ServingChange, ServingCredential, WatchServingCredentialsRequest,
    serving_change::Change, serving_service_server::ServingService,
};
use futures_util::{Stream, StreamExt};
use pki::{Certificate, PrivateKey};
use sea_orm::{ConnectionTrait, EntityTrait, sea_query::Expr};
use tonic::{Request, Status};

use super::{Ca, Trial, caller, origin};
use crate::{
    certificate,
    commands::{AddCertificate, Place},
    events::CertificateEvent,
    factory, samples,
    tables::{sealed_key, served::Entity},
};

pub struct Session(Pin<Box<dyn Stream<Item = Result<ServingChange, Status>> + Send>>);

impl Session {
    pub async fn begin(trial: &Trial) -> Self {
        let mut request = Request::new(WatchServingCredentialsRequest {});
        request.extensions_mut().insert(caller("gateway"));
        Self(
            trial
                .keystore
                .watch_serving_credentials(request)
                .await
                .unwrap()
                .into_inner(),
        )
    }

    async fn next(&mut self) -> Change {
        self.0.next().await.unwrap().unwrap().change.unwrap()
    }

    async fn put(&mut self) -> ServingCredential {
        match self.next().await {
            Change::Put(credential) => credential,
            other => panic!("not a credential: {other:?}"),
        }
    }

    pub async fn snapshot(&mut self) -> Vec<ServingCredential> {
        let mut all = Vec::new();
        loop {
            match self.next().await {
                Change::Put(credential) => all.push(credential),
                Change::SnapshotComplete(_) => return all,
                Change::RemovedCertificateId(_) => panic!("nothing was removed"),
            }
        }
    }
}

#[tokio::test]
async fn a_gateway_gets_all_there_is_and_then_what_comes() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = trial.key("key").await;
    let first = trial.issued(&ca, key, "").await;
    let first = trial
        .commands()
        .add_certificate(&origin("1"), first)
        .await
        .unwrap();

    let mut session = Session::begin(&trial).await;
    let snapshot = session.snapshot().await;
    let [served] = snapshot.as_slice() else {
        panic!("{} certificates", snapshot.len())
    };
    assert_eq!(served.certificate_id, first.certificate_id.to_string());
    assert_eq!(
        (served.version, served.fallback, served.position),
        (1, false, first.position)
    );
    assert_eq!(
        served.subject_alt_names.as_ref().unwrap().dns_names,
        ["shop.example"]
    );
    assert_eq!(
        served.chain_der.len(),
        1,
        "the self-signed root is left out"
    );
    let leaf = Certificate::parse(&served.chain_der[0]).unwrap();
    let private = PrivateKey::from_pkcs8_der(&served.private_key_der).unwrap();
    assert_eq!(leaf.spki_der, private.spki_der());

    let renewed = AddCertificate {
        place: Place::VersionOf(first.certificate_id),
        ..trial.issued(&ca, key, "").await
    };
    trial
        .commands()
        .add_certificate(&origin("2"), renewed)
        .await
        .unwrap();
    let renewed = session.put().await;
    assert_eq!(
        (renewed.certificate_id, renewed.version),
        (served.certificate_id.clone(), 2)
    );

    // A later session has the last version alone.
    let snapshot = Session::begin(&trial).await.snapshot().await;
    assert_eq!(snapshot.iter().map(|c| c.version).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn a_damaged_certificate_is_left_out_but_a_database_that_fails_ends_the_session() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = trial.key("key").await;
    let add = trial.issued(&ca, key, "").await;
    let added = trial.commands().add_certificate(&origin("1"), add).await;
    let feed = &trial.keystore.feed;
    let progress = &trial.commands().progress;
    progress.caught_up(added.unwrap().position).await.unwrap();
    let sql = async |sql: &str| trial.database.execute_unprepared(sql).await.unwrap();

    // Left out now, it would be so for as long as the session lasts.
    sql("ALTER TABLE sealed_key RENAME TO away").await;
    assert!(feed.snapshot().await.is_err());
    sql("ALTER TABLE away RENAME TO sealed_key").await;
    assert_eq!(feed.snapshot().await.unwrap().len(), 1);

    let damage = Expr::value(vec![0_u8]);
    let damage = sealed_key::Entity::update_many().col_expr(sealed_key::Column::Sealed, damage);
    damage.exec(&trial.database).await.unwrap();
    assert_eq!(feed.snapshot().await.unwrap().len(), 0);
}

#[tokio::test]
async fn the_key_of_a_certificate_that_is_not_served_is_not_given_for_its_renewal() {
    let trial = Trial::begin().await;
    let log = &trial.commands().log;
    let append = async |request: &str, event: CertificateEvent| {
        let decide = |_: &certificate::State| Ok::<_, Infallible>(event.clone());
        let (request, now) = (origin(request), trial.clock.now());
        log.execute(samples::KEY, &request, "certificate", now, decide)
            .await
            .unwrap()
            .position
    };
    let CertificateEvent::Issued(issued) = samples::issued() else {
        panic!("another event");
    };
    let kept_back = CertificateIssued {
        serve: false,
        ..issued
    };
    append("1", CertificateEvent::Issued(kept_back)).await;
    let position = append("2", samples::renewed()).await;
    trial.commands().progress.caught_up(position).await.unwrap();
    assert!(
        Entity::find()
            .all(&trial.database)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn each_session_is_an_event_before_any_key_is_given() {
    let mut trial = Trial::begin().await;
    drop(Session::begin(&trial).await);
    drop(Session::begin(&trial).await);
    // Subjects are counted here: the two are of one.
    assert_eq!(
        trial
            .events("chancery.events.tls.default.serving-granted")
            .await,
        1
    );
    let log = &trial.commands().log;
    assert_eq!(
        log.load::<crate::tls::State>("default")
            .await
            .unwrap()
            .events
            .len(),
        2
    );

    trial.server.kill();
    let mut request = Request::new(WatchServingCredentialsRequest {});
    request.extensions_mut().insert(caller("gateway"));
    assert!(
        trial
            .keystore
            .watch_serving_credentials(request)
            .await
            .is_err()
    );
}

async fn ensure(trial: &Trial) -> bool {
    let log = &trial.commands().log;
    let feed = &trial.keystore.feed;
    trial
        .commands()
        .progress
        .caught_up(log.last_sequence().await.unwrap())
        .await
        .unwrap();
    factory::ensure(trial.commands(), feed, "web-1.example")
        .await
        .unwrap()
}

#[tokio::test]
async fn the_factory_certificate_is_made_once_and_again_when_it_ends() {
    let trial = Trial::begin().await;
    assert!(ensure(&trial).await);
    assert!(!ensure(&trial).await, "a later start finds it");

    let snapshot = Session::begin(&trial).await.snapshot().await;
    assert!(snapshot[0].fallback);
    let leaf = Certificate::parse(&snapshot[0].chain_der[0]).unwrap();
    assert_eq!(leaf.common_name, "Chancery");
    assert_eq!(leaf.dns_names, ["localhost", "web-1.example"]);
    assert_eq!(leaf.ip_addresses.len(), 2);
    assert_eq!((leaf.not_after - leaf.not_before).whole_days(), 397);

    trial.passes(398 * 24).await;
    assert!(ensure(&trial).await, "it has ended");
    assert!(!ensure(&trial).await);
    let mut session = Session::begin(&trial).await;
    let snapshot = session.snapshot().await;
    assert_eq!(snapshot.len(), 2);
    assert!(
        snapshot[0].position < snapshot[1].position,
        "the later one answers"
    );
}

#[tokio::test]
async fn two_starts_at_once_make_one_factory_certificate() {
    let trial = Trial::begin().await;
    let (one, two) = tokio::join!(ensure(&trial), ensure(&trial));
    assert!(one || two);
    assert_eq!(trial.events("chancery.events.key.*.generated").await, 1);
    assert_eq!(
        trial
            .events("chancery.events.certificate.*.self-signed")
            .await,
        1
    );
}
