//! The key-encryption key is rotated while everything goes on, and nothing that it sealed is ever lost.

use std::{
    fs,
    future::{Future, poll_fn},
    ops::Range,
    os::unix::fs::PermissionsExt,
    path::Path,
    pin::pin,
    slice,
    task::Poll,
    time::Duration,
};

use pki::KeyAlgorithm;
use runtime::Layout;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait};
use uuid::Uuid;

use super::Trial;
use crate::{
    envelope,
    internal_ca::InternalCa,
    kek::{self, Kek, KekError, KekSource, KekSources, Keks},
    keyring::{Keyring, KeyringError, in_use},
    rewrap::{LOOK, Rewrap, RewrapError},
    secrets::{SecretName, Secrets},
    tables::{retired_kek, sealed_key, sealed_secret},
    vault::{self, Vault},
};

const ROTATED: &str = "chancery.events.kek.default.rotated";

impl Trial {
    fn layout(&self) -> Layout {
        Layout::under(self.folder.path())
    }

    fn keks(&self) -> KekSources {
        KekSources::file(self.layout().kek())
    }

    /// What a running keystore does now and then.
    fn rewrap(&self) -> Rewrap {
        let keks = self.keyring.keks();
        InternalCa::make_if_missing(&self.layout(), &keks, self.clock.now()).unwrap();
        Rewrap {
            keyring: self.keyring.clone(),
            commands: self.commands().clone(),
            layout: self.layout(),
        }
    }

    /// Keys and secrets; the keys' ids.
    async fn sealed(&self, keys: usize) -> Vec<Uuid> {
        let (vault, now) = (&self.commands().vault, self.clock.now());
        let mut ids = Vec::new();
        for _ in 0..keys {
            let id = Uuid::new_v4();
            let sealed = vault.generate(id, KeyAlgorithm::EcdsaP256, now).await;
            sealed.unwrap().put(&self.database).await.unwrap();
            ids.push(id);
        }
        for n in 0..70 {
            let name = name(n);
            let secret = self.keystore.secrets.seal("notifier", &name, b"s", now);
            secret.await.unwrap();
        }
        ids
    }

    /// A keystore that starts with these key-encryption keys, and with nothing else of this one but the database.
    async fn another(&self, sources: KekSources) -> Result<Keystore, KeyringError> {
        let keyring = Keyring::open(sources, self.database.clone(), self.clock.clone()).await?;
        Ok(Keystore {
            vault: Vault::new(keyring.clone(), self.database.clone()),
            secrets: Secrets::new(keyring, self.database.clone()),
        })
    }

    async fn settles(&self) {
        self.clock.advance(LOOK * 3);
    }

    async fn sealed_with(&self) -> Vec<String> {
        let rows = in_use(&self.database).await.unwrap();
        rows.into_iter().map(|row| row.id).collect()
    }
}

struct Keystore {
    vault: Vault,
    secrets: Secrets,
}

impl Keystore {
    async fn opens(&self, keys: &[Uuid]) {
        self.opens_some(keys, 0..70).await;
    }

    async fn opens_some(&self, keys: &[Uuid], secrets: Range<usize>) {
        for id in keys {
            self.vault.private_key(*id).await.unwrap();
        }
        for n in secrets {
            let secret = self.secrets.open("notifier", &name(n)).await.unwrap();
            assert_eq!(secret.unwrap().as_slice(), b"s");
        }
    }
}

fn name(n: usize) -> SecretName {
    SecretName::try_from(format!("password/{n}").as_str()).unwrap()
}

/// A copy of a key-encryption key, on another machine.
fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn everything_is_sealed_anew_while_keys_go_on_signing() {
    let trial = Trial::begin().await;
    let keys = trial.sealed(150).await;
    let rewrap = trial.rewrap();
    rewrap.turn().await.unwrap();
    assert_eq!(trial.sealed_with().await, [trial.kek.id()]);

    let rotated = kek::rotate(&trial.keks()).unwrap();
    let over = tokio::sync::watch::Sender::new(false);
    let busy = async {
        let mut opened = 0;
        while !*over.borrow() {
            let id = keys[opened % keys.len()];
            trial.commands().vault.private_key(id).await.unwrap();
            let name = name(opened % 70);
            let open = trial.keystore.secrets.open("notifier", &name);
            assert_eq!(open.await.unwrap().unwrap().as_slice(), b"s");
            opened += 1;
        }
        opened
    };
    let rotate = async {
        rewrap.turn().await.unwrap();
        // Others who share the database may not have looked yet.
        let both = [rotated.old.clone(), rotated.new.clone()];
        assert_eq!(trial.sealed_with().await, both);
        assert_eq!(trial.events(ROTATED).await, 0);
        trial.settles().await;
        rewrap.turn().await.unwrap();
        over.send_replace(true);
    };
    let (opened, ()) = tokio::join!(busy, rotate);
    assert!(opened > 1, "keys were used meanwhile");

    assert_eq!(trial.sealed_with().await, slice::from_ref(&rotated.new));
    assert_eq!(trial.events(ROTATED).await, 1);
    rewrap.turn().await.unwrap();
    assert_eq!(trial.events(ROTATED).await, 1, "it is told once");
    let retired = retired_kek::Entity::find().all(&trial.database).await;
    let retired = &retired.unwrap()[0];
    assert_eq!((&retired.id, retired.keys), (&rotated.old, 150));
    assert!(retired.secrets >= 70 && retired.recorded);

    // The old one opens nothing, and is not missed.
    for row in sealed_key::Entity::find()
        .all(&trial.database)
        .await
        .unwrap()
    {
        let label = vault::label(row.id);
        assert!(envelope::open(&trial.kek, &label, &row.sealed).is_err());
        assert_eq!(row.kek_id.as_ref(), Some(&rotated.new));
    }
    fs::remove_file(&rotated.previous).unwrap();
    let started = trial.another(trial.keks()).await.unwrap();
    started.opens(&keys).await;
    let new = Keks::read(&trial.keks()).unwrap();
    InternalCa::open(&trial.layout(), &new).unwrap();
}

#[tokio::test]
async fn killed_at_any_step_it_goes_on_where_it_was() {
    let trial = Trial::begin().await;
    let keys = trial.sealed(70).await;
    let rewrap = trial.rewrap();
    let rotated = kek::rotate(&trial.keks()).unwrap();
    let mut kills = 0;
    // It goes a step further each time before it is killed: at each of them once.
    while !polled(rewrap.turn(), kills).await {
        kills += 1;
        // A keystore that starts then finds everything, and what is sealed meanwhile counts.
        let started = trial.another(trial.keks()).await.unwrap();
        let some = kills % 68..kills % 68 + 3;
        started.opens_some(&keys[some.clone()], some).await;
        let now = trial.clock.now();
        let name = name(kills % 70);
        let secret = started.secrets.seal("notifier", &name, b"s", now);
        secret.await.unwrap();
        trial.settles().await;
    }
    assert!(kills > 5, "{kills}");
    rewrap.turn().await.unwrap();
    assert_eq!(trial.sealed_with().await, slice::from_ref(&rotated.new));
    assert_eq!(trial.events(ROTATED).await, 1);
    fs::remove_file(&rotated.previous).unwrap();
    let started = trial.another(trial.keks()).await.unwrap();
    started.opens(&keys).await;
}

/// Whether it ends when it is polled so often; then it is dropped.
async fn polled<T: std::fmt::Debug, E: std::fmt::Debug>(
    future: impl Future<Output = Result<T, E>>,
    times: usize,
) -> bool {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        future.as_mut().poll(context).map(|ended| ended.is_ok())
    })
    .await
}

#[tokio::test]
async fn a_keystore_that_does_not_have_the_new_key_yet_loses_nothing() {
    let trial = Trial::begin().await;
    let keys = trial.sealed(3).await;
    // Its files are on another machine.
    let folder = tempfile::tempdir().unwrap();
    let [current, previous] = ["kek", "kek.previous"].map(|name| folder.path().join(name));
    copy(&trial.layout().kek(), &current);
    let other = trial.another(KekSources::file(&current)).await.unwrap();

    // The wrong order: the first one begins before the other has the new key.
    let rewrap = trial.rewrap();
    let rotated = kek::rotate(&trial.keks()).unwrap();
    rewrap.turn().await.unwrap();
    other.vault.private_key(keys[0]).await.unwrap_err();
    let now = trial.clock.now();
    let password = name(0);
    let sealed = other
        .secrets
        .seal("gateway", &password, b"from the other", now);
    sealed.await.unwrap();
    // What the other sealed with the old one meanwhile is sealed anew before that one goes.
    trial.settles().await;
    rewrap.turn().await.unwrap();
    assert_eq!(trial.sealed_with().await, slice::from_ref(&rotated.new));
    let opened = trial.keystore.secrets.open("gateway", &name(0)).await;
    assert_eq!(opened.unwrap().unwrap().as_slice(), b"from the other");
    // From now on the database takes nothing that is sealed with it.
    let refused = other.secrets.seal("gateway", &name(0), b"lost", now).await;
    refused.unwrap_err();
    let opened = trial.keystore.secrets.open("gateway", &name(0)).await;
    assert_eq!(opened.unwrap().unwrap().as_slice(), b"from the other");

    // The new one beside the old one is enough: it is taken up when it is needed.
    copy(&rotated.current, &previous);
    other.opens(&keys).await;
    let sealed = other.secrets.seal("gateway", &password, b"anew", now);
    sealed.await.unwrap();
    assert_eq!(trial.sealed_with().await, slice::from_ref(&rotated.new));
    let turned = Rewrap {
        keyring: Keyring::open(
            KekSources::file(&current),
            trial.database.clone(),
            trial.clock.clone(),
        )
        .await
        .unwrap(),
        ..trial.rewrap()
    };
    let misplaced = turned.turn().await.unwrap_err();
    assert!(
        matches!(misplaced, RewrapError::Misplaced { .. }),
        "{misplaced}"
    );
    assert_eq!(
        trial.events(ROTATED).await,
        1,
        "the old one does not come back"
    );
}

#[tokio::test]
async fn without_the_keys_that_rows_need_nothing_starts() {
    let trial = Trial::begin().await;
    trial.sealed(1).await;
    let rewrap = trial.rewrap();
    let folder = tempfile::tempdir().unwrap();
    let [old, alone] = ["old", "kek"].map(|name| folder.path().join(name));
    copy(&trial.layout().kek(), &old);
    let rotated = kek::rotate(&trial.keks()).unwrap();
    let alone_with = async |key: &Path| {
        copy(key, &alone);
        trial.another(KekSources::file(&alone)).await.map(drop)
    };

    // Before it began: the new one opens nothing.
    let refused = alone_with(&rotated.current).await.unwrap_err();
    let KeyringError::Wrong { previous, .. } = &refused else {
        panic!("{refused}");
    };
    assert!(previous.ends_with("kek.previous"), "{refused}");

    // In the midst of it: both are needed.
    rewrap.turn().await.unwrap();
    for (given, needs) in [(&rotated.current, &rotated.old), (&old, &rotated.new)] {
        let refused = alone_with(given).await.unwrap_err();
        let KeyringError::Needed { needed, .. } = &refused else {
            panic!("{refused}");
        };
        assert_eq!(needed, needs, "{refused}");
    }
    // A running one goes on with what it has.
    fs::rename(&rotated.previous, folder.path().join("away")).unwrap();
    rewrap.turn().await.unwrap_err();
    trial.sealed(1).await;
    fs::rename(folder.path().join("away"), &rotated.previous).unwrap();

    // A third one is one too many.
    let third = folder.path().join("third");
    Kek::make_if_missing(&KekSource::File(third.clone())).unwrap();
    copy(&rotated.current, &folder.path().join("third.previous"));
    let refused = trial.another(KekSources::file(&third)).await.map(drop);
    assert!(matches!(refused, Err(KeyringError::Needed { .. })));

    // Afterwards: the old one is known for what it is.
    trial.settles().await;
    rewrap.turn().await.unwrap();
    let refused = alone_with(&old).await.unwrap_err();
    assert!(matches!(refused, KeyringError::Retired { .. }), "{refused}");
    alone_with(&rotated.current).await.unwrap();

    // The same twice is no rotation.
    copy(&alone, &folder.path().join("kek.previous"));
    let refused = alone_with(&rotated.current).await;
    assert!(matches!(
        refused,
        Err(KeyringError::Kek(KekError::Same { .. }))
    ));
}

#[tokio::test]
async fn the_old_key_stays_as_long_as_a_row_opens_with_neither() {
    let trial = Trial::begin().await;
    let keys = trial.sealed(3).await;
    let broken = sealed_key::ActiveModel {
        id: Set(keys[1]),
        sealed: Set(b"damaged".into()),
        ..Default::default()
    };
    broken.update(&trial.database).await.unwrap();
    // And one of an earlier version, which does not say what it is sealed with.
    let unsaid = sealed_secret::ActiveModel {
        owner: Set("notifier".into()),
        name: Set("password/0".into()),
        kek_id: Set(None),
        ..Default::default()
    };
    unsaid.update(&trial.database).await.unwrap();

    let rewrap = trial.rewrap();
    let rotated = kek::rotate(&trial.keks()).unwrap();
    trial.settles().await;
    rewrap.turn().await.unwrap_err();
    trial.settles().await;
    let refused = rewrap.turn().await.unwrap_err();
    let RewrapError::Unopened { rows, first } = &refused else {
        panic!("{refused}");
    };
    assert_eq!((*rows, first), (1, &format!("key {}", keys[1])));
    assert_eq!(trial.sealed_with().await.len(), 2);
    vault::shred(&trial.database, keys[1]).await.unwrap();
    rewrap.turn().await.unwrap();
    assert_eq!(trial.sealed_with().await, slice::from_ref(&rotated.new));
    let secret = trial.keystore.secrets.open("notifier", &name(0)).await;
    assert_eq!(secret.unwrap().unwrap().as_slice(), b"s");
}

#[tokio::test]
async fn a_running_keystore_takes_a_new_key_up_by_itself() {
    let trial = Trial::begin().await;
    trial.sealed(1).await;
    let rewrap = trial.rewrap();
    let running = tokio::spawn(rewrap.run());
    let rotated = kek::rotate(&trial.keks()).unwrap();
    while trial.sealed_with().await != slice::from_ref(&rotated.new) {
        trial.clock.advance(LOOK);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.abort();
}
