//! A chain that is longer than an event of the log holds nothing up.

use api::keystore::v1::FileOutcome;
use pki::{Certificate, KeyAlgorithm, PrivateKey};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair,
};
use uuid::Uuid;

use super::{Ca, LogServer, Trial, file, import::certificates};

type Authority = CertifiedIssuer<'static, KeyPair>;

/// A CA's certificate of some length.
fn authority(name: &str, octets: usize, issuer: Option<&Authority>) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let comment =
        CustomExtension::from_oid_content(&[2, 16, 840, 1, 113730, 1, 13], vec![0; octets]);
    params.custom_extensions.push(comment);
    let key = KeyPair::generate().unwrap();
    match issuer {
        Some(issuer) => Authority::signed_by(params, key, issuer),
        None => Authority::self_signed(params, key),
    }
    .unwrap()
}

fn leaf_of(issuer: &Authority) -> Certificate {
    let params = CertificateParams::new(["shop.example".to_owned()]).unwrap();
    let leaf = params.signed_by(&KeyPair::generate().unwrap(), issuer);
    Certificate::parse(leaf.unwrap().der()).unwrap()
}

async fn issuers(trial: &Trial, certificate: &Certificate) -> usize {
    let id = crate::commands::by_fingerprint(&certificate.sha256_fingerprint);
    let state = trial.commands().certificate(id).await.unwrap();
    state.kept().unwrap().issuers.len()
}

/// A chain that waits for its CA is completed by it.
async fn others_are_linked(trial: &Trial) {
    let ca = Ca::new();
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let leaf = ca.leaf(key.spki_der());
    trial
        .import("another leaf", vec![file("leaf.cer", leaf.der.clone())])
        .await;
    assert_eq!(issuers(trial, &leaf).await, 0);
    trial
        .import("another CA", vec![file("ca.cer", ca.certificate().der)])
        .await;
    assert_eq!(issuers(trial, &leaf).await, 1);
}

#[tokio::test]
async fn a_chain_is_kept_as_far_as_one_event_takes_it() {
    let trial = Trial::begin().await;
    let mut chain = vec![authority("0", 60_000, None)];
    for n in 1..15 {
        chain.push(authority(&n.to_string(), 60_000, chain.last()));
    }
    let leaf = leaf_of(chain.last().unwrap());
    trial
        .import("leaf", vec![file("leaf.cer", leaf.der.clone())])
        .await;
    let authorities = chain.iter().map(|ca| file("ca.cer", ca.der().to_vec()));
    let answer = trial.import("authorities", authorities.collect()).await;
    for file in &answer.files {
        assert_eq!(file.outcome(), FileOutcome::Imported, "{file:?}");
    }
    // 80,000 octets each, in base64, of 768 KiB.
    assert_eq!(issuers(&trial, &leaf).await, 9);
    let again = trial
        .import("again", vec![file("leaf.cer", leaf.der)])
        .await;
    let again = certificates(&again.files[0])[0];
    assert_eq!(
        (again.chain_complete, again.missing_issuer.as_str()),
        (false, "CN=5")
    );
    others_are_linked(&trial).await;
}

#[tokio::test]
async fn a_chain_that_the_log_refuses_is_passed_over() {
    let trial = Trial::on(LogServer::taking("64KB").await).await;
    let root = authority("Root", 30_000, None);
    let middle = authority("Middle", 30_000, Some(&root));
    let leaf = leaf_of(&middle);
    for (request, der) in [
        ("middle", middle.der().to_vec()),
        ("leaf", leaf.der.clone()),
    ] {
        trial.import(request, vec![file("one.cer", der)]).await;
    }
    assert_eq!(issuers(&trial, &leaf).await, 1);
    // The leaf's chain would be 80,000 octets now.
    trial
        .import("root", vec![file("root.cer", root.der().to_vec())])
        .await;
    let middle = Certificate::parse(middle.der()).unwrap();
    assert_eq!(issuers(&trial, &middle).await, 1);
    assert_eq!(issuers(&trial, &leaf).await, 1);
    others_are_linked(&trial).await;
}

#[tokio::test]
async fn a_certificate_that_the_log_refuses_is_a_verdict() {
    let trial = Trial::on(LogServer::taking("64KB").await).await;
    let fat = file("fat.cer", authority("Fat", 60_000, None).der().to_vec());
    let slim = file("slim.cer", Ca::new().certificate().der);
    let answer = trial
        .import(&Uuid::new_v4().to_string(), vec![fat, slim])
        .await;
    assert_eq!(answer.files[0].outcome(), FileOutcome::Refused);
    assert_eq!(answer.files[0].reason, "CERTIFICATE_TOO_LARGE");
    assert_eq!(answer.files[1].outcome(), FileOutcome::Imported);
}
