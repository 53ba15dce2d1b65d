//! What becomes of files, by the verdicts, the log and the claims.

use std::{convert::Infallible, process::Command};

use api::{
    csr::v1::RequestCreated,
    keystore::v1::{
        FileOutcome, FileVerdict, ImportFile, ImportRequest, ImportedCertificate, ImportedKey,
        certificate_service_server::CertificateService, imported_item::Item,
    },
    refuse,
};
use pki::{FriendlyName, KeyAlgorithm, PrivateKey, Subject, SubjectAltNames, pem};
use uuid::Uuid;

use super::{Ca, Trial, asked, file, origin, shop_names};
use crate::{
    claims::{self, Kind},
    commands::{CommandError, KeyChoice, ReserveRequest},
    refusal::Refusal,
    request::{self, RequestEvent},
};

fn new_key() -> PrivateKey {
    PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap()
}

pub fn certificates(verdict: &FileVerdict) -> Vec<&ImportedCertificate> {
    let items = verdict.items.iter().filter_map(|item| item.item.as_ref());
    items
        .filter_map(|item| match item {
            Item::Certificate(certificate) => Some(certificate),
            Item::Key(_) => None,
        })
        .collect()
}

fn keys(verdict: &FileVerdict) -> Vec<&ImportedKey> {
    let items = verdict.items.iter().filter_map(|item| item.item.as_ref());
    items
        .filter_map(|item| match item {
            Item::Key(key) => Some(key),
            Item::Certificate(_) => None,
        })
        .collect()
}

#[tokio::test]
async fn a_full_chain_with_its_key_is_taken_in_once() {
    let (trial, ca, key) = (Trial::begin().await, Ca::new(), new_key());
    let leaf = ca.leaf(key.spki_der());
    let text = pem::certificate(&leaf.der)
        + &pem::certificate(&ca.certificate().der)
        + &pem::private_key(&key);
    let bad = file("notes.txt", "no certificate");
    let first = trial
        .import("1", vec![file("shop.pem", text.clone()), bad])
        .await;
    let [shop, notes] = first.files.as_slice() else {
        panic!("{} verdicts", first.files.len());
    };
    assert_eq!(shop.outcome(), FileOutcome::Imported);
    assert_eq!(shop.format, "PEM, 1 key and 2 certificates");
    assert_eq!(
        (notes.outcome(), notes.reason.as_str()),
        (FileOutcome::Refused, "FILE_NOT_RECOGNISED")
    );
    let mut names = certificates(shop)
        .iter()
        .map(|c| c.friendly_name.as_str())
        .collect::<Vec<_>>();
    names.sort_unstable();
    assert_eq!(names, ["Trial CA", "shop.example"]);
    assert!(
        certificates(shop)
            .iter()
            .all(|c| c.chain_complete && !c.already_here)
    );
    trial.follows().await;
    let events = trial.commands().log.last_sequence().await.unwrap();

    let again = trial.import("2", vec![file("again.pem", text)]).await;
    assert_eq!(again.files[0].outcome(), FileOutcome::AlreadyHere);
    assert_eq!(again.position, 0);
    assert_eq!(keys(&again.files[0])[0].certificate_ids.len(), 1);
    assert_eq!(trial.commands().log.last_sequence().await.unwrap(), events);
}

#[tokio::test]
async fn a_protected_file_asks_for_its_passphrase() {
    let (trial, ca, key) = (Trial::begin().await, Ca::new(), new_key());
    let folder = tempfile::tempdir().unwrap();
    let leaf = pem::certificate(&ca.leaf(key.spki_der()).der);
    std::fs::write(folder.path().join("leaf.pem"), leaf).unwrap();
    std::fs::write(
        folder.path().join("key.pem"),
        pem::private_key(&key).as_bytes(),
    )
    .unwrap();
    let made = Command::new("openssl")
        .args(["pkcs12", "-export", "-in", "leaf.pem", "-inkey", "key.pem"])
        .args(["-out", "shop.p12", "-passout", "pass:sesame"])
        .current_dir(folder.path())
        .status();
    assert!(made.unwrap().success());
    let shop = file(
        "shop.p12",
        std::fs::read(folder.path().join("shop.p12")).unwrap(),
    );
    for (passphrase, reason) in [
        (None, "PASSPHRASE_NEEDED"),
        (Some("simsalabim"), "PASSPHRASE_WRONG"),
    ] {
        let passphrase = passphrase.map(str::to_owned);
        let shop = ImportFile {
            passphrase,
            ..shop.clone()
        };
        let verdict = trial.import(reason, vec![shop]).await.files.remove(0);
        assert_eq!(verdict.outcome(), FileOutcome::PassphraseNeeded);
        assert_eq!(verdict.reason, reason);
    }
    let passphrase = Some("sesame".to_owned());
    let taken = trial
        .import("right", vec![ImportFile { passphrase, ..shop }])
        .await;
    assert_eq!(taken.files[0].outcome(), FileOutcome::Imported);
    assert_eq!(keys(&taken.files[0])[0].certificate_ids.len(), 1);
}

#[tokio::test]
async fn key_and_certificate_find_each_other_in_any_order_and_a_key_alone_is_kept() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    for key_first in [true, false] {
        let key = new_key();
        let private = file("key.pem", pem::private_key(&key).as_bytes());
        let leaf = file("leaf.cer", ca.leaf(key.spki_der()).der);
        let (first, second) = match key_first {
            true => (private, leaf),
            false => (leaf, private),
        };
        let first = trial
            .import(&format!("{key_first} 1"), vec![first])
            .await
            .files
            .remove(0);
        let second = trial
            .import(&format!("{key_first} 2"), vec![second])
            .await
            .files
            .remove(0);
        if key_first {
            assert!(keys(&first)[0].certificate_ids.is_empty());
            assert_eq!(certificates(&second)[0].key_id, keys(&first)[0].key_id);
        } else {
            assert_eq!(certificates(&first)[0].key_id, "");
            assert_eq!(
                keys(&second)[0].certificate_ids,
                [certificates(&first)[0].certificate_id.clone()]
            );
        }
    }
    trial.follows().await;
    let served = super::serving::Session::begin(&trial)
        .await
        .snapshot()
        .await;
    assert_eq!(served.len(), 2);
}

#[tokio::test]
async fn a_deleted_certificate_comes_back_with_its_file_under_its_own_name() {
    let (trial, ca, key) = (Trial::begin().await, Ca::new(), new_key());
    let leaf = file("leaf.cer", ca.leaf(key.spki_der()).der);
    let first = trial.import("1", vec![leaf.clone()]).await;
    let id = certificates(&first.files[0])[0]
        .certificate_id
        .parse()
        .unwrap();
    let name = FriendlyName::try_from("my shop").unwrap();
    trial
        .commands()
        .rename(&origin("2"), id, name)
        .await
        .unwrap();
    trial
        .commands()
        .delete_certificate(&origin("3"), id)
        .await
        .unwrap();
    // At once: whether the follower has seen the deletion must not matter.
    let back = trial.import("4", vec![leaf]).await;
    assert_eq!(back.files[0].outcome(), FileOutcome::Imported);
    let back = certificates(&back.files[0])[0];
    assert!(back.restored);
    assert_eq!(back.friendly_name, "my shop");
    trial.follows().await;
    let holder = claims::holder_of(&trial.database, Kind::Name, "my shop").await;
    assert_eq!(holder.unwrap(), Some(id));
}

#[tokio::test]
async fn a_taken_name_gets_a_number_and_what_acme_brought_is_here() {
    let (trial, ca, key) = (Trial::begin().await, Ca::new(), new_key());
    let two = [(); 2].map(|()| file("leaf.cer", ca.leaf(key.spki_der()).der));
    let imported = trial.import("1", two.to_vec()).await;
    let mut names = imported
        .files
        .iter()
        .map(|f| certificates(f)[0].friendly_name.clone())
        .collect::<Vec<_>>();
    names.sort();
    assert_eq!(names, ["shop.example", "shop.example (2)"]);

    let ours = trial.key("key").await;
    let add = trial.issued(&ca, ours, "an automation").await;
    let leaf = file("acme.cer", add.leaf.der.clone());
    let added = trial
        .commands()
        .add_certificate(&origin("2"), add)
        .await
        .unwrap();
    let again = trial.import("3", vec![leaf]).await.files.remove(0);
    assert_eq!(again.outcome(), FileOutcome::AlreadyHere);
    assert_eq!(
        certificates(&again)[0].certificate_id,
        added.certificate_id.to_string()
    );
}

#[tokio::test]
async fn a_request_id_is_for_one_set_of_files() {
    let (trial, ca, key) = (Trial::begin().await, Ca::new(), new_key());
    let leaf = || file("leaf.cer", ca.leaf(key.spki_der()).der);
    trial.import("1", vec![leaf()]).await;
    let other = ImportRequest {
        files: vec![leaf()],
    };
    let reused = CertificateService::import(&trial.keystore, asked("1", other))
        .await
        .unwrap_err();
    assert_eq!(
        refuse::reason(&reused).as_deref(),
        Some("REQUEST_ID_REUSED")
    );
}

/// A request of csr-service's for these names, with its event where it `waits`.
async fn request(
    trial: &Trial,
    name: &str,
    key: KeyChoice,
    names: SubjectAltNames,
    waits: bool,
) -> (Uuid, Uuid) {
    let (request_id, now) = (Uuid::new_v4(), trial.clock.now());
    let reserve = ReserveRequest {
        request_id,
        friendly_name: FriendlyName::try_from(name).unwrap(),
        key,
        subject: Subject::default(),
        names,
    };
    let reserved = trial
        .commands()
        .reserve_request(&origin(name), reserve)
        .await
        .unwrap();
    trial.passes(1).await;
    if waits {
        let created = RequestEvent::Created(RequestCreated {
            friendly_name: name.into(),
            key_id: reserved.key_id.to_string(),
            spki_sha256: reserved.spki_sha256,
            ..RequestCreated::default()
        });
        let decide = |_: &request::State| Ok::<_, Infallible>(created.clone());
        let (id, cause) = (request_id.to_string(), origin(name));
        let appended = trial
            .commands()
            .log
            .execute(&id, &cause, "request", now, decide);
        appended.await.unwrap();
    }
    (request_id, reserved.key_id)
}

#[tokio::test]
async fn the_oldest_pending_request_that_it_covers_is_answered_and_gives_its_name() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key_id = trial.key("key").await;
    let key = KeyChoice::Existing(key_id);
    let other = SubjectAltNames::parse(&["other.example".into()], &[]).unwrap();
    request(&trial, "reserved alone", key, shop_names(), false).await;
    request(&trial, "other names", key, other, true).await;
    let (oldest, _) = request(&trial, "oldest", key, shop_names(), true).await;
    let (younger, _) = request(&trial, "younger", key, shop_names(), true).await;
    let stored = trial.commands().vault.find(key_id).await.unwrap().unwrap();
    let leaf = || file("leaf.cer", ca.leaf(&stored.spki_der).der);
    let answer = async |id: &str, leaf| trial.import(id, vec![leaf]).await.files.remove(0);

    let first = answer("1", leaf()).await;
    let first = certificates(&first)[0];
    assert_eq!(
        (first.friendly_name.as_str(), &first.request_id),
        ("oldest", &oldest.to_string())
    );
    trial.follows().await;
    // Also once the follower has seen the answer: csr-service may not have.
    let released = trial.commands().release_request(oldest).await;
    assert!(
        matches!(
            released,
            Err(CommandError::Refused(Refusal::RequestAnswered))
        ),
        "{released:?}"
    );
    let second = answer("2", leaf()).await;
    assert_eq!(certificates(&second)[0].request_id, younger.to_string());
    let third = answer("3", leaf()).await;
    assert_eq!(certificates(&third)[0].request_id, "");

    // One that was here before a request does not answer it.
    let late = leaf();
    answer("4", late.clone()).await;
    request(&trial, "latest", key, shop_names(), true).await;
    assert_eq!(certificates(&answer("5", late).await)[0].request_id, "");
}

#[tokio::test]
async fn a_name_goes_back_to_its_request_where_the_certificate_did_not_come() {
    let trial = Trial::begin().await;
    let new = KeyChoice::New(KeyAlgorithm::EcdsaP256);
    let (waiting, _) = request(&trial, "shop", new, shop_names(), true).await;
    trial.follows().await;
    // What an import does first, and then it crashed.
    let (certificate, now) = (Uuid::new_v4(), trial.clock.now());
    let taken = claims::hand_over_name(&trial.database, waiting, certificate, now).await;
    assert_eq!(taken.unwrap().unwrap().as_str(), "shop");
    trial.passes(2).await;
    trial.commands().sweep().await.unwrap();
    let holder = claims::holder_of(&trial.database, Kind::Name, "shop")
        .await
        .unwrap();
    assert_eq!(holder, Some(waiting));
    trial.commands().release_request(waiting).await.unwrap();
}
