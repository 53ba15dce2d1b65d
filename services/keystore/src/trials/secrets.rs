//! A sealed secret is open to its owner alone.

use api::keystore::v1::{
    DestroySecretRequest, OpenSecretRequest, SealSecretRequest, SignCheckpointRequest,
    keystore_service_server::KeystoreService,
};
use api::refuse::reason;
use eventlog::proof::{Note, NoteKey};
use tonic::{Request, Status};

use super::{Trial, caller};

async fn seal(trial: &Trial, service: &str, secret: &'static [u8]) {
    let message = SealSecretRequest {
        name: "account-key/1".into(),
        secret: secret.into(),
    };
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller(service));
    trial.keystore.seal_secret(request).await.unwrap();
}

async fn open(trial: &Trial, service: &str) -> Result<Vec<u8>, Status> {
    let message = OpenSecretRequest {
        name: "account-key/1".into(),
    };
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller(service));
    let answer = trial.keystore.open_secret(request).await?;
    Ok(answer.into_inner().secret.to_vec())
}

#[tokio::test]
async fn each_service_has_its_own() {
    let trial = Trial::begin().await;
    seal(&trial, "acme-agent", b"one").await;
    assert_eq!(open(&trial, "acme-agent").await.unwrap(), b"one");
    let refused = open(&trial, "notifier").await.unwrap_err();
    assert_eq!(reason(&refused).as_deref(), Some("NO_SUCH_SECRET"));

    seal(&trial, "notifier", b"two").await;
    seal(&trial, "acme-agent", b"three").await;
    assert_eq!(open(&trial, "acme-agent").await.unwrap(), b"three");
    assert_eq!(open(&trial, "notifier").await.unwrap(), b"two");
}

#[tokio::test]
async fn its_owner_alone_destroys_it_and_may_do_so_twice() {
    let trial = Trial::begin().await;
    seal(&trial, "acme-agent", b"one").await;
    destroy(&trial, "notifier").await;
    assert_eq!(open(&trial, "acme-agent").await.unwrap(), b"one");
    for _ in 0..2 {
        destroy(&trial, "acme-agent").await;
        let refused = open(&trial, "acme-agent").await.unwrap_err();
        assert_eq!(reason(&refused).as_deref(), Some("NO_SUCH_SECRET"));
    }
}

async fn destroy(trial: &Trial, service: &str) {
    let message = DestroySecretRequest {
        name: "account-key/1".into(),
    };
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller(service));
    trial.keystore.destroy_secret(request).await.unwrap();
}

#[tokio::test]
async fn the_key_of_the_log_signs_what_the_keystore_builds_and_is_one_for_all() {
    let trial = Trial::begin().await;
    let message = |origin: &str, size| SignCheckpointRequest {
        origin: origin.into(),
        size,
        root_hash: vec![7; 32].into(),
    };
    let sign = async |message| {
        let mut request = Request::new(message);
        request.extensions_mut().insert(caller("projection"));
        let answer = trial.keystore.sign_checkpoint(request).await?;
        Ok::<_, Status>(answer.into_inner())
    };
    // All at once, before there is a key.
    let signed =
        futures_util::future::try_join_all((1..6).map(|size| sign(message("log.example", size))));
    let signed = signed.await.unwrap();
    for (answer, size) in signed.iter().zip(1..) {
        assert_eq!(answer.verifier_key, signed[0].verifier_key);
        let note = Note::parse(&answer.note).unwrap();
        assert!(note.is_signed_by(&NoteKey::parse(&answer.verifier_key).unwrap()));
        assert_eq!((note.head.size, note.head.root), (size, [7; 32]));
    }
    let mut short = message("log.example", 1);
    short.root_hash = vec![7; 31].into();
    for no in [message("two\nlines", 1), message("", 1), short] {
        let refused = sign(no).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
}
