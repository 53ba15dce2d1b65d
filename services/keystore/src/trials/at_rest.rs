//! What lies on the disk tells nobody anything without the key-encryption key.

use pki::KeyAlgorithm;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait};

use super::{Trial, origin};
use crate::{
    kek::{Kek, KekSources},
    keyring::{Keyring, KeyringError},
    secrets::SecretName,
    tables::{sealed_key, sealed_secret},
    vault::VaultError,
};

/// Where in the files of a folder these octets are.
pub fn found(folder: &std::path::Path, octets: &[u8]) -> Vec<String> {
    let mut hits = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let content = std::fs::read(&path).unwrap();
        if content.windows(octets.len()).any(|window| window == octets) {
            hits.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    hits
}

#[tokio::test]
async fn neither_database_nor_write_ahead_log_has_a_key_or_a_secret_in_the_clear() {
    let trial = Trial::begin().await;
    let (vault, now) = (&trial.commands().vault, trial.clock.now());
    let planted = b"planted-account-key-0f3a9c71d2";
    let name = SecretName::try_from("account-key/1").unwrap();
    trial
        .keystore
        .secrets
        .seal("acme-agent", &name, planted, now)
        .await
        .unwrap();
    let mut keys = Vec::new();
    for algorithm in KeyAlgorithm::ALL {
        let generated = trial
            .commands()
            .generate_key(&origin(algorithm.as_str()), algorithm)
            .await;
        let id = generated.unwrap().key_id;
        keys.push((
            vault.open_pkcs8(id).await.unwrap(),
            vault.find(id).await.unwrap().unwrap(),
        ));
    }

    let folder = trial.folder.path();
    let names = std::fs::read_dir(folder).unwrap().count();
    assert!(
        names >= 3,
        "the database, its write-ahead log and the key-encryption key"
    );
    for (pkcs8, stored) in &keys {
        // The public key is in the clear, and so is the frame: no private octets are in either.
        assert!(
            !found(folder, &stored.spki_der).is_empty(),
            "the search finds what is there"
        );
        for part in pkcs8
            .chunks_exact(16)
            .filter(|part| !stored.spki_der.windows(16).any(|w| w == *part))
        {
            assert_eq!(found(folder, part), [""; 0], "{}", stored.algorithm);
        }
    }
    for part in planted.chunks_exact(10) {
        assert_eq!(found(folder, part), [""; 0]);
    }
    assert_eq!(
        found(folder, trial.kek.octets()),
        [""; 0],
        "the file has it in base64"
    );
}

#[tokio::test]
async fn another_key_encryption_key_opens_nothing_and_changes_nothing() {
    let trial = Trial::begin().await;
    let id = trial.key("1").await;
    let folder = tempfile::tempdir().unwrap();
    let keks = KekSources::file(folder.path().join("kek"));
    Kek::make_if_missing(&keks.current).unwrap();
    let other = Kek::read(&keks.current).unwrap();

    let refused = Keyring::open(keks, trial.database.clone(), trial.clock.clone());
    let refused = refused.await.unwrap_err();
    let KeyringError::Wrong {
        given, sealed_with, ..
    } = &refused
    else {
        panic!("{refused}");
    };
    assert_eq!((given, sealed_with), (&other.id(), &trial.kek.id()));
    assert!(refused.to_string().contains("bring back the right key"));

    trial.keyring.look().await.unwrap();
    assert!(trial.commands().vault.open_pkcs8(id).await.is_ok());
}

#[tokio::test]
async fn a_sealed_key_that_was_moved_to_another_row_does_not_open() {
    let trial = Trial::begin().await;
    let (mine, theirs) = (trial.key("1").await, trial.key("2").await);
    let row = sealed_key::Entity::find_by_id(theirs)
        .one(&trial.database)
        .await
        .unwrap()
        .unwrap();
    let moved = sealed_key::ActiveModel {
        id: Set(mine),
        sealed: Set(row.sealed),
        ..Default::default()
    };
    moved.update(&trial.database).await.unwrap();
    let refused = trial.commands().vault.open_pkcs8(mine).await;
    assert!(
        matches!(refused, Err(VaultError::Open { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_secret_that_was_moved_to_another_owner_does_not_open() {
    let trial = Trial::begin().await;
    let (secrets, now) = (&trial.keystore.secrets, trial.clock.now());
    let name = SecretName::try_from("account-key/1").unwrap();
    secrets
        .seal("acme-agent", &name, b"secret", now)
        .await
        .unwrap();
    let row = sealed_secret::Entity::find()
        .one(&trial.database)
        .await
        .unwrap()
        .unwrap();
    let moved = sealed_secret::Model {
        owner: "gateway".into(),
        ..row
    };
    sealed_secret::Entity::insert(sealed_secret::ActiveModel::from(moved))
        .exec_without_returning(&trial.database)
        .await
        .unwrap();
    assert!(secrets.open("gateway", &name).await.is_err());
    assert!(secrets.open("acme-agent", &name).await.unwrap().is_some());
}

#[tokio::test]
async fn what_holds_secrets_does_not_show_them() {
    let trial = Trial::begin().await;
    for shown in [
        format!("{:?}", trial.kek),
        format!("{:?}", trial.commands().vault),
        format!("{:?}", trial.keystore.secrets),
        format!("{:?}", trial.keystore.feed),
    ] {
        assert!(shown.contains("Kek") && !shown.contains('['), "{shown}");
    }
}
