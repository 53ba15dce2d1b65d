//! Keys are made once, whatever happens in between.

use eventlog::derive_id;
use pki::{KeyAlgorithm, Subject, csr};

use super::{Trial, another_with_the_id_of, origin, shop_names};
use crate::commands::CommandError;

#[tokio::test]
async fn a_key_of_every_algorithm_is_made_kept_and_signs() {
    let trial = Trial::begin().await;
    for algorithm in KeyAlgorithm::ALL {
        let request = origin(algorithm.as_str());
        let generated = trial
            .commands()
            .generate_key(&request, algorithm)
            .await
            .unwrap();
        let csr = trial
            .commands()
            .sign_request(generated.key_id, Subject::default(), shop_names())
            .await;
        assert_eq!(
            csr::public_key(&csr.unwrap()),
            Ok(generated.spki_der),
            "{algorithm}"
        );
    }
    assert_eq!(trial.events("chancery.events.key.*.generated").await, 7);
}

#[tokio::test]
async fn the_same_request_answers_the_same_key_also_a_month_later() {
    let trial = Trial::begin().await;
    let commands = trial.commands();
    let first = commands
        .generate_key(&origin("1"), KeyAlgorithm::EcdsaP256)
        .await
        .unwrap();
    trial.passes(30 * 24).await;
    let again = commands
        .generate_key(&origin("1"), KeyAlgorithm::EcdsaP256)
        .await
        .unwrap();
    assert_eq!(first, again);
    let other = commands
        .generate_key(&origin("2"), KeyAlgorithm::EcdsaP256)
        .await
        .unwrap();
    assert_ne!(first.key_id, other.key_id);
    assert_eq!(trial.events("chancery.events.key.>").await, 2);
}

#[tokio::test]
async fn the_same_request_id_for_another_key_is_refused() {
    let trial = Trial::begin().await;
    let commands = trial.commands();
    commands
        .generate_key(&origin("1"), KeyAlgorithm::EcdsaP256)
        .await
        .unwrap();
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519] {
        let refused = commands
            .generate_key(&another_with_the_id_of("1"), algorithm)
            .await;
        assert!(
            matches!(refused, Err(CommandError::RequestIdReused)),
            "{refused:?}"
        );
    }
    assert_eq!(trial.events("chancery.events.key.>").await, 1);
}

#[tokio::test]
async fn a_repeat_after_a_crash_between_key_and_event_goes_on_with_that_key() {
    let trial = Trial::begin().await;
    let commands = trial.commands();
    let id = derive_id(&origin("1"), "key");
    let now = trial.clock.now();
    // Step 1 was done, step 2 was not.
    let left = commands
        .vault
        .make(id, KeyAlgorithm::EcdsaP256, now)
        .await
        .unwrap();
    let generated = commands
        .generate_key(&origin("1"), KeyAlgorithm::EcdsaP256)
        .await
        .unwrap();
    assert_eq!((generated.key_id, generated.spki_der), (id, left.spki_der));
    assert!(commands.vault.find(id).await.unwrap().unwrap().recorded);
}

#[tokio::test]
async fn two_of_one_request_at_once_make_one_key() {
    let trial = Trial::begin().await;
    for round in 0..20 {
        let request = origin(&round.to_string());
        let generate = || {
            trial
                .commands()
                .generate_key(&request, KeyAlgorithm::EcdsaP256)
        };
        let (first, second) = tokio::join!(generate(), generate());
        assert_eq!(first.unwrap(), second.unwrap());
    }
    assert_eq!(trial.events("chancery.events.key.>").await, 20);
}
