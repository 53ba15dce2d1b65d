//! Very many CAs of one name: the right one is found among them.

use api::keystore::v1::FileOutcome;
use pki::{Certificate, KeyAlgorithm, PrivateKey, fingerprint::sha256_hex, pem};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    SubjectPublicKeyInfo,
};

use super::{Trial, file};

const NAMESAKES: usize = 1_500;

fn namesake() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "One of many");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A leaf that says which key signed it.
fn leaf_of(issuer: &CertifiedIssuer<'static, KeyPair>) -> Certificate {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let mut params = CertificateParams::new(["shop.example".to_owned()]).unwrap();
    params.use_authority_key_identifier_extension = true;
    let spki = SubjectPublicKeyInfo::from_der(key.spki_der()).unwrap();
    let leaf = params.signed_by(&spki, issuer).unwrap();
    Certificate::parse(leaf.der()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_is_found_among_very_many_of_its_name() {
    let trial = Trial::begin().await;
    let mut authorities = (0..NAMESAKES).map(|_| namesake()).collect::<Vec<_>>();
    authorities.sort_by_cached_key(|authority| sha256_hex(authority.der()));
    // In the order in which they are kept neither is among the first thousand.
    let [early, late] = [1_400, 1_499].map(|n| leaf_of(&authorities[n]));
    // One waits for its issuer, and the other comes after it.
    trial
        .import("early", vec![file("leaf.cer", early.der.clone())])
        .await;
    for (n, call) in authorities.chunks(NAMESAKES / 2).enumerate() {
        // Of self-signed ones a file may have some hundred.
        let files = call.chunks(100).map(|part| {
            let part = part.iter().map(|one| pem::certificate(one.der()));
            file("authorities.pem", part.collect::<String>())
        });
        let answer = trial.import(&format!("call {n}"), files.collect()).await;
        for file in &answer.files {
            assert_eq!(file.outcome(), FileOutcome::Imported, "{}", file.message);
        }
    }
    let answer = trial
        .import("late", vec![file("leaf.cer", late.der.clone())])
        .await;
    let taken = super::import::certificates(&answer.files[0])[0];
    assert!(taken.chain_complete);
    for (leaf, issuer) in [(early, &authorities[1_400]), (late, &authorities[1_499])] {
        let id = crate::commands::by_fingerprint(&leaf.sha256_fingerprint);
        let state = trial.commands().certificate(id).await.unwrap();
        let issuers = state
            .kept()
            .unwrap()
            .issuers
            .iter()
            .map(|one| one.der.to_vec());
        assert_eq!(issuers.collect::<Vec<_>>(), [issuer.der().to_vec()]);
    }
}
