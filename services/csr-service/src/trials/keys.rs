//! Which key is here, by its public key.

use api::keystore::v1::{KeyDestroyed, KeyImported};
use uuid::Uuid;

use super::{Keys, Trial};
use crate::key::{KeyEvent, of_public_key};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_known_from_when_it_comes_until_it_is_destroyed() {
    let trial = Trial::begin().await;
    let key = async |spki: &str| {
        trial.follow_to_the_end().await;
        of_public_key(&trial.database, spki).await.unwrap()
    };
    trial.generate_key(1, "aa").await;
    let imported = KeyEvent::Imported(KeyImported {
        spki_sha256: "bb".into(),
        ..KeyImported::default()
    });
    trial.tell::<Keys>(2, imported.clone()).await;
    assert_eq!(key("aa").await, Some(Uuid::from_u128(1)));
    assert_eq!(key("bb").await, Some(Uuid::from_u128(2)));
    assert_eq!(key("cc").await, None);

    let destroyed = KeyEvent::Destroyed(KeyDestroyed {});
    trial.tell::<Keys>(2, destroyed).await;
    assert_eq!(key("bb").await, None);
    // The same key from a backup: another one to us.
    trial.tell::<Keys>(3, imported).await;
    assert_eq!(key("bb").await, Some(Uuid::from_u128(3)));
    assert_eq!(key("aa").await, Some(Uuid::from_u128(1)));
}
