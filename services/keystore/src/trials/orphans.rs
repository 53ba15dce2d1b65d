//! What a crash leaves is removed only when the log has nothing of it.

use eventlog::derive_id;
use pki::KeyAlgorithm;
use uuid::Uuid;

use super::{Ca, Trial, origin};
use crate::{
    claims::{self, Kind},
    commands::CommandError,
    key::{self, Command, PublicHalf},
    sweep::Swept,
};

const NOTHING: Swept = Swept { keys: 0, claims: 0 };

#[tokio::test]
async fn a_key_without_an_event_is_shredded_once_nobody_can_be_about_to_append_it() {
    let trial = Trial::begin().await;
    let commands = trial.commands();
    let id = derive_id(&origin("1"), "key");
    // Step 1 was done, step 2 was not.
    commands
        .vault
        .make(id, KeyAlgorithm::EcdsaP256, trial.clock.now())
        .await
        .unwrap();
    assert_eq!(commands.sweep().await.unwrap(), NOTHING);
    assert!(commands.vault.find(id).await.unwrap().is_some());

    trial.passes(2).await;
    assert_eq!(
        commands.sweep().await.unwrap(),
        Swept { keys: 1, claims: 0 }
    );
    assert!(commands.vault.find(id).await.unwrap().is_none());

    // The request that made it can still come again.
    commands
        .generate_key(&origin("1"), KeyAlgorithm::EcdsaP256)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_key_whose_event_is_in_the_log_stays_however_old() {
    let trial = Trial::begin().await;
    let commands = trial.commands();
    let request = origin("1");
    let id = derive_id(&request, "key");
    let now = trial.clock.now();
    let stored = commands
        .vault
        .make(id, KeyAlgorithm::EcdsaP256, now)
        .await
        .unwrap();
    let generate = Command::Generate(PublicHalf {
        algorithm: stored.algorithm,
        spki_der: stored.spki_der,
    });
    // Step 2 was done, and the crash came before step 3 noted it.
    let decide = |state: &key::State| key::decide(state, &generate);
    commands
        .log
        .execute(&id.to_string(), &request, "key", now, decide)
        .await
        .unwrap();

    trial.passes(24 * 365).await;
    assert_eq!(commands.sweep().await.unwrap(), NOTHING);
    assert!(commands.vault.find(id).await.unwrap().unwrap().recorded);
}

#[tokio::test]
async fn a_key_that_a_repeat_has_just_taken_up_is_not_swept_from_under_it() {
    let trial = Trial::begin().await;
    let vault = &trial.commands().vault;
    let id = derive_id(&origin("1"), "key");
    let left = vault
        .make(id, KeyAlgorithm::EcdsaP256, trial.clock.now())
        .await
        .unwrap();
    trial.passes(2).await;
    let before = trial.clock.now() - crate::sweep::UNTOUCHED;
    assert_eq!(vault.unrecorded(before).await.unwrap(), [id]);
    // Between the sweep's look and its removal, the request comes again.
    let taken_up = vault
        .make(id, KeyAlgorithm::EcdsaP256, trial.clock.now())
        .await
        .unwrap();
    assert_eq!(taken_up, left);
    vault.shred_orphan(id, before).await.unwrap();
    assert!(vault.find(id).await.unwrap().is_some());
}

#[tokio::test]
async fn names_and_fingerprints_without_an_event_are_given_up() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let now = trial.clock.now();
    for (kind, value) in [(Kind::Name, "shop"), (Kind::Fingerprint, "00ff")] {
        claims::claim(&trial.database, kind, value, Uuid::from_u128(7), now)
            .await
            .unwrap();
    }
    trial.passes(2).await;
    assert_eq!(
        trial.commands().sweep().await.unwrap(),
        Swept { keys: 0, claims: 2 }
    );

    let key = trial.key("key").await;
    let add = trial.issued(&ca, key, "").await;
    let added = trial
        .commands()
        .add_certificate(&origin("1"), add)
        .await
        .unwrap();
    assert_eq!(added.friendly_name, "shop");
    trial.passes(2).await;
    assert_eq!(trial.commands().sweep().await.unwrap(), NOTHING);
}

#[tokio::test]
async fn nothing_is_removed_while_the_log_does_not_answer() {
    let mut trial = Trial::begin().await;
    let id = derive_id(&origin("1"), "key");
    let now = trial.clock.now();
    trial
        .commands()
        .vault
        .make(id, KeyAlgorithm::EcdsaP256, now)
        .await
        .unwrap();
    trial.passes(2).await;
    trial.server.kill();
    let failed = trial.commands().sweep().await;
    assert!(matches!(failed, Err(CommandError::Log(_))), "{failed:?}");
    assert!(trial.commands().vault.find(id).await.unwrap().is_some());
}
