//! Certificates are kept once, under a name of their own, with their key.

use api::{
    keystore::v1::{MarkRevokedRequest, keystore_service_server::KeystoreService},
    x509::v1::RevocationReason,
};
use pki::{Certificate, FriendlyName, KeyAlgorithm, PrivateKey, Subject, chain::ChainError};
use time::Duration;
use tonic::Request;
use uuid::Uuid;

use super::{Ca, Trial, another_with_the_id_of, asked, origin, shop_names};
use crate::{
    commands::{AddCertificate, CommandError, KeyChoice, Naming, Place, SelfSign},
    refusal::Refusal,
};

const AUTOMATION: &str = "6f3c9a52-7d0e-5a3b-8a44-0a1f5f1c2b03";

fn refused<T: std::fmt::Debug>(answer: Result<T, CommandError>) -> Refusal {
    match answer {
        Err(CommandError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_renewal_is_the_second_version_of_the_same_certificate() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = trial.key("key").await;
    let first = trial.issued(&ca, key, AUTOMATION).await;
    let first = trial
        .commands()
        .add_certificate(&origin("1"), first)
        .await
        .unwrap();
    assert_eq!((first.version, first.friendly_name.as_str()), (1, "shop"));

    let another_key = trial.key("another key").await;
    let second = AddCertificate {
        place: Place::VersionOf(first.certificate_id),
        ..trial.issued(&ca, another_key, AUTOMATION).await
    };
    let second = trial
        .commands()
        .add_certificate(&origin("2"), second)
        .await
        .unwrap();
    assert_eq!(
        (second.certificate_id, second.version),
        (first.certificate_id, 2)
    );
    assert_eq!(second.friendly_name, "shop");
    assert!(second.position > first.position);
}

#[tokio::test]
async fn a_certificate_that_is_here_answers_where_it_is_whoever_asks() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = trial.key("key").await;
    let add = trial.issued(&ca, key, AUTOMATION).await;
    let first = trial
        .commands()
        .add_certificate(&origin("1"), add.clone())
        .await
        .unwrap();
    let version = AddCertificate {
        place: Place::VersionOf(first.certificate_id),
        ..trial.issued(&ca, key, AUTOMATION).await
    };
    let second = trial
        .commands()
        .add_certificate(&origin("2"), version.clone())
        .await
        .unwrap();

    for request in ["1", "3"] {
        let again = trial
            .commands()
            .add_certificate(&origin(request), add.clone())
            .await;
        assert_eq!(again.unwrap(), first);
    }
    // As a new certificate, what came as a version before.
    let as_new = AddCertificate {
        place: add.place,
        ..version
    };
    let again = trial.commands().add_certificate(&origin("4"), as_new).await;
    assert_eq!(again.unwrap(), second);
    assert_eq!(trial.events("chancery.events.certificate.>").await, 2);
}

#[tokio::test]
async fn two_that_add_the_same_certificate_at_once_add_it_once() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = trial.key("key").await;
    for round in 0..10 {
        let add = trial.issued(&ca, key, AUTOMATION).await;
        let (one, two) = (origin(&format!("{round} a")), origin(&format!("{round} b")));
        let (one, two) = tokio::join!(
            trial.commands().add_certificate(&one, add.clone()),
            trial.commands().add_certificate(&two, add.clone()),
        );
        assert_eq!(one.unwrap(), two.unwrap());
    }
    assert_eq!(trial.events("chancery.events.certificate.>").await, 10);
}

#[tokio::test]
async fn two_that_want_one_name_at_once_get_two() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = trial.key("key").await;
    let one = trial.issued(&ca, key, AUTOMATION).await;
    let two = trial.issued(&ca, key, AUTOMATION).await;
    let requests = (origin("1"), origin("2"));
    let (one, two) = tokio::join!(
        trial.commands().add_certificate(&requests.0, one),
        trial.commands().add_certificate(&requests.1, two),
    );
    let mut names = [one.unwrap().friendly_name, two.unwrap().friendly_name];
    names.sort();
    assert_eq!(names, ["shop", "shop (2)"]);
}

#[tokio::test]
async fn what_does_not_fit_its_key_or_chain_is_refused_and_leaves_nothing() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = trial.key("key").await;
    let good = trial.issued(&ca, key, AUTOMATION).await;
    let stranger = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let other_key = AddCertificate {
        leaf: ca.leaf(stranger.spki_der()),
        ..good.clone()
    };
    let other_issuer = AddCertificate {
        issuers: vec![Ca::new().certificate()],
        ..good.clone()
    };
    let no_key = AddCertificate {
        key_id: Uuid::nil(),
        ..good.clone()
    };
    let no_certificate = AddCertificate {
        place: Place::VersionOf(Uuid::nil()),
        ..good
    };
    for (add, reason) in [
        (other_key, Refusal::KeyMismatch),
        (other_issuer, Refusal::Chain(ChainError::NotIssuedByNext(0))),
        (no_key, Refusal::NoSuchKey),
        (no_certificate, Refusal::NoSuchCertificate),
    ] {
        assert_eq!(
            refused(trial.commands().add_certificate(&origin("1"), add).await),
            reason
        );
    }
    assert_eq!(trial.events("chancery.events.certificate.>").await, 0);
    trial.passes(2).await;
    assert_eq!(trial.commands().sweep().await.unwrap(), Default::default());
}

#[tokio::test]
async fn a_request_id_is_for_one_certificate() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = trial.key("key").await;
    let one = trial.issued(&ca, key, AUTOMATION).await;
    trial
        .commands()
        .add_certificate(&origin("1"), one)
        .await
        .unwrap();
    trial.passes(25).await;
    let two = trial.issued(&ca, key, AUTOMATION).await;
    let reused = trial
        .commands()
        .add_certificate(&another_with_the_id_of("1"), two)
        .await;
    assert!(
        matches!(reused, Err(CommandError::RequestIdReused)),
        "{reused:?}"
    );
    assert_eq!(trial.events("chancery.events.certificate.>").await, 1);
}

fn self_sign(key_id: Uuid, name: &str) -> SelfSign {
    SelfSign {
        key: KeyChoice::Existing(key_id),
        friendly_name: FriendlyName::try_from(name).unwrap(),
        naming: Naming::Exact,
        subject: Subject::default(),
        names: shop_names(),
        life: Duration::days(30),
        factory: false,
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_signed_once_and_keeps_its_name() {
    let trial = Trial::begin().await;
    let key = trial.key("key").await;
    let sign = self_sign(key, "intranet");
    let signed = trial
        .commands()
        .self_sign(&origin("1"), sign.clone())
        .await
        .unwrap();
    let leaf = &signed.leaf;
    assert!(leaf.self_signed);
    assert_eq!(leaf.not_after - leaf.not_before, Duration::days(30));

    trial.passes(5).await;
    let again = trial
        .commands()
        .self_sign(&origin("1"), sign.clone())
        .await
        .unwrap();
    assert_eq!(again, signed);

    let taken = refused(trial.commands().self_sign(&origin("2"), sign).await);
    assert_eq!(
        taken,
        Refusal::NameTaken {
            name: "intranet".into()
        }
    );
    let reused = another_with_the_id_of("1");
    let reused = trial
        .commands()
        .self_sign(&reused, self_sign(key, "another"))
        .await;
    assert!(
        matches!(reused, Err(CommandError::RequestIdReused)),
        "{reused:?}"
    );
}

#[tokio::test]
async fn a_late_repeat_answers_with_what_was_signed_and_claims_nothing_anew() {
    let trial = Trial::begin().await;
    let key = trial.key("key").await;
    let commands = trial.commands();
    let sign = self_sign(key, "intranet");
    let signed = commands.self_sign(&origin("1"), sign.clone()).await;
    let signed = signed.unwrap();
    let id = signed.added.certificate_id;
    let renamed = FriendlyName::try_from("extranet").unwrap();
    commands.rename(&origin("2"), id, renamed).await.unwrap();
    trial.follows().await;

    trial.passes(25).await;
    let again = commands.self_sign(&origin("1"), sign).await.unwrap();
    assert_eq!(again.leaf, signed.leaf);
    assert_eq!(again.added.friendly_name, "extranet");
    assert_eq!(again.added.position, signed.added.position);
    // The name that it had is free, and nothing is left for the sweep.
    let another = self_sign(key, "intranet");
    commands.self_sign(&origin("3"), another).await.unwrap();
    trial.passes(2).await;
    assert_eq!(commands.sweep().await.unwrap(), Default::default());
}

#[tokio::test]
async fn tries_of_one_request_at_once_sign_with_the_one_key_that_is_kept() {
    let trial = Trial::begin().await;
    let commands = trial.commands();
    for round in 0..10 {
        let origin = origin(&round.to_string());
        let sign = SelfSign {
            key: KeyChoice::New(KeyAlgorithm::EcdsaP256),
            ..self_sign(Uuid::nil(), &format!("intranet {round}"))
        };
        let tries = (0..8).map(|_| commands.self_sign(&origin, sign.clone()));
        let signed = futures_util::future::join_all(tries).await;
        let first = signed[0].as_ref().unwrap();
        for again in &signed {
            assert_eq!(again.as_ref().unwrap(), first);
        }
        let key = commands.vault.find(first.key_id).await.unwrap().unwrap();
        assert_eq!(key.spki_sha256, first.leaf.spki_sha256);
    }
    assert_eq!(trial.events("chancery.events.certificate.>").await, 10);
    assert_eq!(trial.events("chancery.events.key.>").await, 10);
}

#[tokio::test]
async fn over_grpc_the_answer_is_the_certificate_as_a_follower_would_have_it() {
    use api::keystore::v1::{AddCertificateRequest, keystore_service_server::KeystoreService};

    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = trial.key("key").await;
    let add = trial.issued(&ca, key, AUTOMATION).await;
    let message = AddCertificateRequest {
        key_id: key.to_string(),
        chain_der: vec![add.leaf.der.clone().into(), ca.certificate().der.into()],
        friendly_name: " shop ".into(),
        certificate_id: String::new(),
        automation_id: AUTOMATION.into(),
    };
    let mut request = Request::new(message);
    request.extensions_mut().insert(super::caller("acme-agent"));
    let answer = trial
        .keystore
        .add_certificate(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!((answer.version, answer.friendly_name.as_str()), (1, "shop"));
    let certificate = Certificate::try_from(&answer.certificate.unwrap()).unwrap();
    assert_eq!(certificate, add.leaf);
}

#[tokio::test]
async fn a_version_that_its_ca_has_revoked_is_marked_once() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = trial.key("key").await;
    let issued = trial.issued(&ca, key, AUTOMATION).await;
    let commands = trial.commands();
    let added = commands
        .add_certificate(&origin("1"), issued)
        .await
        .unwrap();
    let mark = async |request: &str, version, reason: RevocationReason| {
        let message = MarkRevokedRequest {
            certificate_id: added.certificate_id.to_string(),
            version,
            reason: reason.into(),
        };
        let marked = KeystoreService::mark_revoked(&trial.keystore, asked(request, message)).await;
        marked.map(|marked| marked.into_inner().position)
    };
    let position = mark("2", 1, RevocationReason::Superseded).await.unwrap();
    assert!(position > added.position);
    // The same request, and another that tells the same.
    for request in ["2", "3"] {
        let again = mark(request, 1, RevocationReason::Superseded).await;
        assert_eq!(again.unwrap(), position);
    }
    let events = commands
        .log
        .events_of("certificate", &added.certificate_id.to_string())
        .await
        .unwrap();
    let events = events.iter().map(|e| e.event.as_str()).collect::<Vec<_>>();
    assert_eq!(events, ["issued", "revoked"]);
    let unknown = mark("4", 2, RevocationReason::Superseded).await;
    assert_eq!(unknown.unwrap_err().code(), tonic::Code::NotFound);
}
