//! One import takes in so much, and what is beyond that has its verdict.

use api::keystore::v1::{FileOutcome, ImportFile};
use pki::{KeyAlgorithm, PrivateKey, pem};

use super::{Ca, Trial, file};

/// Certificates for names of their own.
fn bundle(ca: &Ca, name: &str, certificates: usize) -> ImportFile {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let leaves = (0..certificates)
        .map(|n| pem::certificate(&ca.leaf_for(key.spki_der(), &format!("{n}.{name}")).der));
    file(name, leaves.collect::<String>())
}

#[tokio::test]
async fn of_too_many_certificates_the_file_that_goes_too_far_is_left_out() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let [first, beyond, last] = [("first", 600), ("beyond", 401), ("last", 400)]
        .map(|(name, certificates)| bundle(&ca, name, certificates));
    // What two files have counts once.
    let again = ImportFile {
        name: "again".into(),
        ..first.clone()
    };
    let files = vec![first, beyond.clone(), again, last];
    let answer = trial.import("1", files).await;
    let outcomes = answer.files.iter().map(|file| file.outcome());
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        [
            FileOutcome::Imported,
            FileOutcome::Refused,
            FileOutcome::AlreadyHere,
            FileOutcome::Imported
        ]
    );
    let refused = &answer.files[1];
    assert_eq!(refused.reason, "TOO_MANY_AT_ONCE");
    assert_eq!(refused.format, "PEM, 401 certificates");
    assert!(refused.items.is_empty());
    assert!(answer.files[2].items.iter().all(already_here));
    assert_eq!(
        trial.events("chancery.events.certificate.*.imported").await,
        1_000
    );

    let alone = trial.import("2", vec![beyond]).await;
    assert_eq!(alone.files[0].outcome(), FileOutcome::Imported);
    assert_eq!(alone.files[0].items.len(), 401);
}

fn already_here(item: &api::keystore::v1::ImportedItem) -> bool {
    use api::keystore::v1::imported_item::Item;
    match item.item.as_ref().unwrap() {
        Item::Certificate(certificate) => certificate.already_here,
        Item::Key(key) => key.already_here,
    }
}

#[tokio::test]
async fn hundreds_of_one_name_get_a_number_each() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let mut names = Vec::new();
    for round in 0..2 {
        let leaves = (0..250).map(|_| pem::certificate(&ca.leaf(key.spki_der()).der));
        let leaves = file("leaves.pem", leaves.collect::<String>());
        let answer = trial.import(&format!("{round}"), vec![leaves]).await;
        assert_eq!(answer.files[0].outcome(), FileOutcome::Imported);
        names.extend(
            super::import::certificates(&answer.files[0])
                .iter()
                .map(|c| c.friendly_name.clone()),
        );
    }
    names.sort();
    let mut expected = (2..=500)
        .map(|n| format!("shop.example ({n})"))
        .chain(["shop.example".to_owned()])
        .collect::<Vec<_>>();
    expected.sort();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn what_two_files_have_is_new_in_the_first_alone() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let leaf = pem::certificate(&ca.leaf(key.spki_der()).der);
    let private = pem::private_key(&key);
    let both = file("both.pem", format!("{leaf}{}", &*private));
    let more = file(
        "more.pem",
        format!("{leaf}{}", pem::certificate(&ca.certificate().der)),
    );
    let answer = trial.import("1", vec![both.clone(), both, more]).await;
    let outcomes = answer.files.iter().map(|file| file.outcome());
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        [
            FileOutcome::Imported,
            FileOutcome::AlreadyHere,
            FileOutcome::Imported
        ]
    );
    let told = answer
        .files
        .iter()
        .map(|file| file.items.iter().map(already_here).collect::<Vec<_>>());
    assert_eq!(
        told.collect::<Vec<_>>(),
        [[false, false], [true, true], [true, false]]
    );
}
