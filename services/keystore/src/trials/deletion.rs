//! The default, deletion and destruction: what is refused and why, and what a repeat is answered.

use api::keystore::v1::{
    DeleteCertificatesRequest, DeletionVerdict, DestroyKeysRequest,
    certificate_service_server::CertificateService,
};
use pki::{FriendlyName, KeyAlgorithm, PrivateKey, Subject, pem};
use prost::Message;
use sea_orm::{DbBackend, EntityTrait};
use time::Duration;
use uuid::Uuid;

use super::{Ca, Trial, asked, at_rest::found, file, origin, serving::Session, shop_names};
use crate::{
    commands::{CommandError, KeyChoice, Naming, ReserveRequest, SelfSign},
    refusal::Refusal,
    samples::AUTOMATION,
    tables::sealed_key,
};

fn refused<T: std::fmt::Debug>(answer: Result<T, CommandError>) -> Refusal {
    match answer {
        Err(CommandError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// A certificate from elsewhere and its key, both here.
async fn imported(trial: &Trial, request: &str) -> (Uuid, Uuid, PrivateKey) {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let leaf = Ca::new().leaf(key.spki_der());
    let id = crate::commands::by_fingerprint(&leaf.sha256_fingerprint);
    let private = file("key.pem", pem::private_key(&key).as_bytes());
    trial
        .import(request, vec![file("leaf.cer", leaf.der), private])
        .await;
    trial.follows().await;
    let keys = trial
        .commands()
        .vault
        .find_by_spki(&[&key.spki_sha256()])
        .await;
    (id, keys.unwrap()[0].id, key)
}

fn self_sign(key: KeyChoice, name: &str, factory: bool) -> SelfSign {
    SelfSign {
        key,
        friendly_name: FriendlyName::try_from(name).unwrap(),
        naming: Naming::Exact,
        subject: Subject::default(),
        names: shop_names(),
        life: Duration::days(30),
        factory,
    }
}

const NEW: KeyChoice = KeyChoice::New(KeyAlgorithm::EcdsaP256);

async fn delete(trial: &Trial, request: &str, id: Uuid, dry_run: bool) -> DeletionVerdict {
    let certificate_ids = vec![id.to_string()];
    let request = asked(
        request,
        DeleteCertificatesRequest {
            certificate_ids,
            dry_run,
        },
    );
    let answer = CertificateService::delete_certificates(&trial.keystore, request).await;
    answer.unwrap().into_inner().certificates.remove(0)
}

async fn destroy(trial: &Trial, request: &str, id: Uuid, dry_run: bool) -> DeletionVerdict {
    let key_ids = vec![id.to_string()];
    let request = asked(request, DestroyKeysRequest { key_ids, dry_run });
    let answer = CertificateService::destroy_keys(&trial.keystore, request).await;
    answer.unwrap().into_inner().keys.remove(0)
}

/// Whether each certificate that is served is the fallback.
async fn fallbacks(trial: &Trial) -> Vec<(String, bool)> {
    trial.follows().await;
    let served = Session::begin(trial).await.snapshot().await;
    served
        .into_iter()
        .map(|served| (served.certificate_id, served.fallback))
        .collect()
}

#[tokio::test]
async fn the_default_has_a_key_and_a_ca_and_takes_the_place_of_the_factory_certificate() {
    let trial = Trial::begin().await;
    let commands = trial.commands();
    let factory = commands
        .self_sign(&origin("f"), self_sign(NEW, "factory", true))
        .await
        .unwrap();
    let own = commands
        .self_sign(&origin("s"), self_sign(NEW, "own", false))
        .await
        .unwrap();
    let (factory, own) = (factory.added.certificate_id, own.added.certificate_id);
    let stranger = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let keyless = Ca::new().leaf(stranger.spki_der());
    trial
        .import("keyless", vec![file("leaf.cer", keyless.der.clone())])
        .await;
    let keyless = crate::commands::by_fingerprint(&keyless.sha256_fingerprint);
    for (id, refusal) in [
        (factory, Refusal::SelfSignedDefault),
        (own, Refusal::SelfSignedDefault),
        (keyless, Refusal::KeyMissing),
        (Uuid::nil(), Refusal::NoSuchCertificate),
    ] {
        assert_eq!(
            refused(commands.set_default(&origin("no"), id).await),
            refusal
        );
    }
    let (shop, ..) = imported(&trial, "shop").await;
    let fallback = async || {
        let mut all = fallbacks(&trial).await;
        all.retain(|(_, fallback)| *fallback);
        all.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(fallback().await, [factory.to_string()]);
    let chosen = commands.set_default(&origin("set"), shop).await.unwrap();
    assert_eq!(fallback().await, [shop.to_string()]);
    assert_eq!(delete(&trial, "dry", shop, true).await.reason, "IS_DEFAULT");
    assert_eq!(
        delete(&trial, "really", shop, false).await.reason,
        "IS_DEFAULT"
    );
    assert_eq!(
        delete(&trial, "factory", factory, false).await.reason,
        "FACTORY"
    );

    let cleared = commands.clear_default(&origin("clear")).await.unwrap();
    assert_eq!(fallback().await, [factory.to_string()]);
    assert!(delete(&trial, "now", shop, false).await.deleted);
    // Repeats, long after it has become otherwise.
    trial.passes(24 * 90).await;
    commands.sweep().await.unwrap();
    assert_eq!(
        commands.set_default(&origin("set"), shop).await.unwrap(),
        chosen
    );
    assert_eq!(
        commands.clear_default(&origin("clear")).await.unwrap(),
        cleared
    );
    let deleted = Refusal::CertificateDeleted;
    assert_eq!(
        refused(commands.set_default(&origin("again"), shop).await),
        deleted
    );
}

#[tokio::test]
async fn a_deletion_gives_the_name_free_and_is_undone_with_a_number() {
    let trial = Trial::begin().await;
    let commands = trial.commands();
    let (shop, ..) = imported(&trial, "shop").await;
    let before = commands.log.last_sequence().await.unwrap();
    let dry = delete(&trial, "dry", shop, true).await;
    assert!(dry.deleted && !dry.warnings.is_empty());
    assert_eq!(commands.log.last_sequence().await.unwrap(), before);
    assert_eq!(fallbacks(&trial).await.len(), 1);

    assert!(delete(&trial, "1", shop, false).await.deleted);
    // At once, though the follower may not have seen it.
    let named = self_sign(NEW, "shop.example", false);
    let named = commands.self_sign(&origin("2"), named).await.unwrap();
    let named = named.added.certificate_id.to_string();
    assert_eq!(fallbacks(&trial).await, [(named.clone(), false)]);
    let back = commands
        .restore_certificate(&origin("3"), shop)
        .await
        .unwrap();
    assert_eq!(back.0.as_str(), "shop.example (2)");
    assert_eq!(fallbacks(&trial).await.len(), 2);

    // Repeats change nothing, and leave nothing behind.
    trial.passes(24 * 90).await;
    assert!(delete(&trial, "1", shop, false).await.deleted);
    assert_eq!(
        commands
            .restore_certificate(&origin("3"), shop)
            .await
            .unwrap(),
        back
    );
    assert_eq!(fallbacks(&trial).await.len(), 2);
    trial.passes(2).await;
    assert_eq!(commands.sweep().await.unwrap(), Default::default());
    commands.set_default(&origin("4"), shop).await.unwrap();
    assert_eq!(
        refused(commands.restore_certificate(&origin("5"), shop).await),
        Refusal::NotDeleted
    );
}

#[tokio::test]
async fn what_an_automation_renews_is_not_deleted() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = trial.key("key").await;
    let add = trial.issued(&ca, key, "an automation").await;
    let added = trial
        .commands()
        .add_certificate(&origin("1"), add)
        .await
        .unwrap();
    let verdict = delete(&trial, "2", added.certificate_id, false).await;
    assert_eq!(
        (verdict.deleted, verdict.reason.as_str()),
        (false, "MANAGED")
    );
}

#[tokio::test]
async fn a_key_in_use_stays_and_what_uses_it_is_named() {
    let trial = Trial::begin().await;
    let commands = trial.commands();
    let (_, key, _) = imported(&trial, "shop").await;
    let in_use = destroy(&trial, "1", key, false).await;
    assert_eq!(in_use.reason, "KEY_IN_USE");
    assert!(
        in_use.message.contains("the certificate \"shop.example\""),
        "{}",
        in_use.message
    );

    let reserve = ReserveRequest {
        request_id: Uuid::new_v4(),
        friendly_name: FriendlyName::try_from("waits").unwrap(),
        key: NEW,
        subject: Subject::default(),
        names: shop_names(),
    };
    let request = reserve.request_id;
    let key = commands
        .reserve_request(&origin("2"), reserve)
        .await
        .unwrap()
        .key_id;
    assert_eq!(destroy(&trial, "3", key, true).await.reason, "KEY_IN_USE");
    commands.release_request(request).await.unwrap();
    assert!(destroy(&trial, "4", key, false).await.deleted);

    let key = trial.key("order").await;
    commands
        .sign_request(key, Subject::default(), shop_names())
        .await
        .unwrap();
    let ordered = destroy(&trial, "5", key, false).await;
    assert!(
        ordered.message.contains("an order at an ACME server"),
        "{}",
        ordered.message
    );
}

#[tokio::test]
async fn a_destroyed_key_is_gone_from_the_disk_and_comes_back_from_a_file_alone() {
    let trial = Trial::begin().await;
    let (shop, key, private) = imported(&trial, "shop").await;
    // A repeat of the import takes no use back.
    assert!(delete(&trial, "1", shop, false).await.deleted);
    let row = sealed_key::Entity::find_by_id(key)
        .one(&trial.database)
        .await
        .unwrap()
        .unwrap();
    // A PostgreSQL server keeps what was deleted until it has another use for the room.
    let in_files = trial.database.get_database_backend() == DbBackend::Sqlite;
    let folder = trial.folder.path();
    assert_eq!(
        found(folder, &row.sealed[..32]).is_empty(),
        !in_files,
        "the search finds what is there"
    );
    assert!(destroy(&trial, "dry", key, true).await.deleted);
    assert!(trial.commands().vault.find(key).await.unwrap().is_some());
    assert!(destroy(&trial, "2", key, false).await.deleted);
    for part in row.sealed.chunks_exact(32) {
        assert_eq!(found(folder, part), [""; 0]);
    }
    assert_eq!(
        destroy(&trial, "other", key, false).await.reason,
        "KEY_DESTROYED"
    );

    let pem = pem::private_key(&private);
    trial
        .import("3", vec![file("key.pem", pem.as_bytes())])
        .await;
    trial.follows().await;
    trial.passes(24 * 90).await;
    // The old request, once more: it was about the key as it was.
    assert!(destroy(&trial, "2", key, false).await.deleted);
    trial.follows().await;
    assert!(trial.commands().vault.find(key).await.unwrap().is_some());
    let (commands, restore) = (trial.commands(), origin("4"));
    commands.restore_certificate(&restore, shop).await.unwrap();
    assert_eq!(fallbacks(&trial).await, [(shop.to_string(), false)]);
}

#[tokio::test]
async fn a_certificate_whose_automation_has_ended_can_be_deleted() {
    use api::keystore::v1::{ReleaseCertificateRequest, keystore_service_server::KeystoreService};

    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = trial.key("key").await;
    let issued = trial.issued(&ca, key, AUTOMATION).await;
    let added = trial.commands().add_certificate(&origin("1"), issued).await;
    let added = added.unwrap();
    let release = async |request: &str, automation: &str| {
        let message = ReleaseCertificateRequest {
            certificate_id: added.certificate_id.to_string(),
            automation_id: automation.into(),
        };
        let request = asked(request, message);
        let released = KeystoreService::release_certificate(&trial.keystore, request).await;
        released.map(|released| released.into_inner().position)
    };
    let review = delete(&trial, "2", added.certificate_id, true).await;
    assert_eq!((review.deleted, review.reason.as_str()), (false, "MANAGED"));
    let another = release("3", &Uuid::from_u128(9).to_string()).await;
    assert_eq!(another.unwrap_err().code(), tonic::Code::FailedPrecondition);
    let position = release("4", AUTOMATION).await.unwrap();
    assert!(position > added.position);
    // The same request, and another that tells the same.
    for request in ["4", "5"] {
        assert_eq!(release(request, AUTOMATION).await.unwrap(), position);
    }
    // Until then it is served, and goes behind what comes from elsewhere.
    trial.follows().await;
    let served = crate::tables::served::Entity::find_by_id(added.certificate_id)
        .one(&trial.database)
        .await;
    let served = served.unwrap().unwrap();
    let credential = api::keystore::v1::ServingCredential::decode(served.credential.as_slice());
    assert_eq!((credential.unwrap().rank, served.deleted), (2, false));
    let deleted = delete(&trial, "6", added.certificate_id, false).await;
    assert!(deleted.deleted, "{}", deleted.message);
}
