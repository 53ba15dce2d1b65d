//! What a caller may do who is held to some certificates: the others are not there for him.

use api::{
    CertificateFilter,
    keystore::v1::{
        ExportFormat, ExportItem, ExportRequest, RenameCertificateRequest,
        certificate_service_server::CertificateService,
    },
    refuse,
};
use pki::{KeyAlgorithm, PrivateKey, pem};
use runtime::Caller;
use tonic::{Code, Request, Status};
use uuid::Uuid;

use super::{Ca, Trial, asked, file};

/// A certificate for this name, with its key.
async fn certificate(trial: &Trial, name: &str) -> Uuid {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let leaf = Ca::new().leaf_for(key.spki_der(), name);
    let id = crate::commands::by_fingerprint(&leaf.sha256_fingerprint);
    let private = file("key.pem", pem::private_key(&key).as_bytes());
    let files = vec![file("leaf.cer", leaf.der), private];
    trial.import(&Uuid::new_v4().to_string(), files).await;
    trial.follows().await;
    id
}

/// Asked by one who is held to the shop's.
fn asked_for_the_shop<M>(message: M) -> Request<M> {
    let mut request = asked(&Uuid::new_v4().to_string(), message);
    let caller = request.extensions_mut().get_mut::<Caller>().unwrap();
    caller.certificates = CertificateFilter::new(["*.shop.example"]).unwrap();
    request
}

fn export(ids: &[Uuid], private_key: bool) -> ExportRequest {
    let item = |id: &Uuid| ExportItem {
        certificate_id: id.to_string(),
        certificate: true,
        private_key,
        ..ExportItem::default()
    };
    ExportRequest {
        items: ids.iter().map(item).collect(),
        format: ExportFormat::Pem.into(),
        one_file: true,
        unprotected: private_key,
        ..ExportRequest::default()
    }
}

fn not_there(status: &Status) {
    assert_eq!(status.code(), Code::NotFound, "{status:?}");
    assert_eq!(
        refuse::reason(status).as_deref(),
        Some("NO_SUCH_CERTIFICATE")
    );
}

#[tokio::test]
async fn his_are_given_out_and_others_are_not_there() {
    let trial = Trial::begin().await;
    let his = certificate(&trial, "a.shop.example").await;
    let others = certificate(&trial, "bank.example").await;
    let keystore = &trial.keystore;
    let with_keys = async |ids: &[Uuid]| {
        let request = asked_for_the_shop(export(ids, true));
        keystore.export_with_private_keys(request).await
    };
    assert!(with_keys(&[his]).await.is_ok());
    let before = trial.keystore.commands.log.last_sequence().await.unwrap();
    // One that is not his, and nothing of the call is given out.
    for ids in [&[others][..], &[his, others], &[Uuid::new_v4()]] {
        not_there(&with_keys(ids).await.unwrap_err());
        let request = asked_for_the_shop(export(ids, false));
        not_there(&keystore.export(request).await.unwrap_err());
    }
    assert_eq!(
        trial.keystore.commands.log.last_sequence().await.unwrap(),
        before
    );
    let free = keystore
        .export(asked("free", export(&[his, others], false)))
        .await;
    assert!(free.is_ok());
}

#[tokio::test]
async fn he_gives_names_to_his_alone() {
    let trial = Trial::begin().await;
    let his = certificate(&trial, "a.shop.example").await;
    let others = certificate(&trial, "bank.example").await;
    let rename = async |id: Uuid| {
        let message = RenameCertificateRequest {
            certificate_id: id.to_string(),
            friendly_name: "front door".into(),
        };
        let request = asked_for_the_shop(message);
        trial.keystore.rename_certificate(request).await
    };
    not_there(&rename(others).await.unwrap_err());
    not_there(&rename(Uuid::new_v4()).await.unwrap_err());
    assert!(rename(his).await.is_ok());
}
