//! What stands against one file is that file's verdict, and keeps no other back; and a repeat after a crash goes on.

use api::keystore::v1::FileOutcome;
use pki::{KeyAlgorithm, PrivateKey, pem};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Ca, Trial, file, origin};
use crate::{
    claims::{self, KeyClaim, Kind},
    commands::{File, Item, Outcome},
    sweep::Swept,
};

fn new_key() -> PrivateKey {
    PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap()
}

#[tokio::test]
async fn a_certificate_that_is_being_added_elsewhere_keeps_its_file_back_and_no_other() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let [good, beside, claimed] = [(); 3].map(|()| ca.leaf(new_key().spki_der()));
    let now = trial.clock.now();
    let (kind, fingerprint) = (Kind::Fingerprint, &claimed.sha256_fingerprint);
    // As a version of another, whose event is about to come.
    claims::claim(&trial.database, kind, fingerprint, Uuid::new_v4(), now)
        .await
        .unwrap();
    let both = pem::certificate(&beside.der) + &pem::certificate(&claimed.der);
    let files = vec![file("both.pem", both), file("good.cer", good.der)];
    let answer = trial.import("1", files).await;
    let [both, good] = answer.files.as_slice() else {
        panic!("{} verdicts", answer.files.len());
    };
    assert_eq!(
        (both.outcome(), both.reason.as_str()),
        (FileOutcome::Refused, "BEING_ADDED")
    );
    assert_eq!(both.format, "PEM, 2 certificates");
    assert!(both.items.is_empty());
    assert_eq!(good.outcome(), FileOutcome::Imported);
    assert_eq!(trial.events("chancery.events.certificate.>").await, 1);
}

#[tokio::test]
async fn a_key_that_is_being_destroyed_keeps_its_file_back_and_no_other() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let (good, dying) = (new_key(), new_key());
    let (spki, now) = (dying.spki_sha256(), trial.clock.now());
    let begun = claims::begin_destruction(&trial.database, &spki, Uuid::new_v4(), now).await;
    assert_eq!(begun.unwrap(), KeyClaim::Made);
    let files = vec![
        file("dying.key", pem::private_key(&dying).as_bytes()),
        file("dying.cer", ca.leaf(dying.spki_der()).der),
        file("good.key", pem::private_key(&good).as_bytes()),
        file("good.cer", ca.leaf(good.spki_der()).der),
    ];
    let answer = trial.import("1", files).await;
    let verdicts = answer
        .files
        .iter()
        .map(|file| (file.outcome(), file.reason.as_str()));
    let refused = (FileOutcome::Refused, "KEY_BEING_DESTROYED");
    let imported = (FileOutcome::Imported, "");
    assert_eq!(
        verdicts.collect::<Vec<_>>(),
        [refused, refused, imported, imported]
    );
    assert_eq!(trial.events("chancery.events.certificate.>").await, 1);
    assert_eq!(trial.events("chancery.events.key.>").await, 1);
}

#[tokio::test]
async fn a_repeat_after_a_crash_between_claims_and_events_goes_on_with_them() {
    let (trial, ca, key) = (Trial::begin().await, Ca::new(), new_key());
    let file = |name: &str, content: &[u8]| File {
        name: name.into(),
        content: Zeroizing::new(content.to_vec()),
        passphrase: None,
    };
    let leaves = [(); 3].map(|()| pem::certificate(&ca.leaf(key.spki_der()).der));
    let files = || {
        vec![
            file("leaves.pem", leaves.concat().as_bytes()),
            file("shop.key", pem::private_key(&key).as_bytes()),
        ]
    };
    let commands = trial.commands();
    // Steps 1 and 2 were done, and the crash came before the first event.
    drop(
        commands
            .prepare_import(&origin("1"), files())
            .await
            .unwrap(),
    );
    assert_eq!(trial.events("chancery.events.>").await, 0);
    trial.passes(2).await;

    let mut imported = commands.import(&origin("1"), files()).await.unwrap();
    trial.follows().await;
    for verdict in &imported.verdicts {
        assert!(matches!(verdict.outcome, Outcome::Imported), "{verdict:?}");
    }
    let mut names = imported
        .verdicts
        .remove(0)
        .items
        .into_iter()
        .map(|item| match item {
            Item::Certificate(certificate) => certificate.friendly_name,
            Item::Key(_) => panic!("a key"),
        })
        .collect::<Vec<_>>();
    names.sort();
    assert_eq!(
        names,
        ["shop.example", "shop.example (2)", "shop.example (3)"]
    );
    assert_eq!(
        trial.events("chancery.events.certificate.*.imported").await,
        3
    );
    assert_eq!(trial.events("chancery.events.key.*.imported").await, 1);
    // Nothing is left that has no event.
    trial.passes(2).await;
    assert_eq!(commands.sweep().await.unwrap(), Swept::default());

    // And once more, when all of it is done.
    let again = commands.import(&origin("1"), files()).await.unwrap();
    for verdict in &again.verdicts {
        assert!(
            matches!(verdict.outcome, Outcome::AlreadyHere),
            "{verdict:?}"
        );
    }
    assert_eq!(
        trial.events("chancery.events.certificate.*.imported").await,
        3
    );
}
