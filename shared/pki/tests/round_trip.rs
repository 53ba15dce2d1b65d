//! What we write we read again: every key algorithm, every form, with and without a passphrase.

#![allow(clippy::unwrap_used)]

use pki::{
    Certificate, KeyAlgorithm, PrivateKey, Subject, SubjectAltNames,
    export::{self, Contents, Encryption, Octets, Protection},
    import, self_signed,
};
use time::{Duration, macros::datetime};

const PASSPHRASE: &str = "correct horse, Zürich 9";

fn certificate(key: &PrivateKey) -> Certificate {
    let names = SubjectAltNames::parse(&["shop.example".into()], &["192.0.2.7".into()]).unwrap();
    let from = datetime!(2026-03-01 12:00 UTC);
    let until = from + Duration::days(90);
    let der = self_signed::build(key, &Subject::default(), &names, from, until).unwrap();
    Certificate::parse(&der).unwrap()
}

/// That the file gives back exactly this, with the passphrase and with no other.
fn comes_back(
    file: &Octets,
    passphrase: Option<&str>,
    key: &PrivateKey,
    leaf: Option<&Certificate>,
) {
    let read = import::read(file, passphrase).unwrap();
    let keys = read.keys.iter().map(PrivateKey::pkcs8_der);
    assert_eq!(keys.collect::<Vec<_>>(), [key.pkcs8_der()]);
    let expected = leaf.into_iter().collect::<Vec<_>>();
    assert_eq!(read.certificates.iter().collect::<Vec<_>>(), expected);
    if passphrase.is_some_and(|passphrase| !passphrase.is_empty()) {
        for wrong in [None, Some(""), Some("wrong")] {
            let refused = import::read(file, wrong).unwrap_err();
            assert!(refused.needs_passphrase(), "{wrong:?}: {refused}");
        }
    }
}

#[test]
fn every_key_comes_back_from_every_form() {
    for algorithm in KeyAlgorithm::ALL {
        let key = PrivateKey::generate(algorithm).unwrap();
        let leaf = certificate(&key);
        let contents = Contents {
            friendly_name: "shop",
            certificate: Some(&leaf),
            issuers: &[],
            key: Some(&key),
        };
        for protection in [Protection::Passphrase(PASSPHRASE), Protection::Unprotected] {
            let passphrase = match protection {
                Protection::Passphrase(passphrase) => Some(passphrase),
                Protection::Unprotected => None,
            };
            let der = export::key_der(&key, protection).unwrap();
            comes_back(&der, passphrase, &key, None);
            let pem = export::pem(contents, protection).unwrap();
            comes_back(&pem, passphrase, &key, Some(&leaf));
        }
        for encryption in [Encryption::Modern, Encryption::Legacy] {
            for passphrase in [PASSPHRASE, ""] {
                let file = export::pkcs12(contents, passphrase, encryption).unwrap();
                comes_back(&file, Some(passphrase), &key, Some(&leaf));
            }
        }
        let now = datetime!(2026-03-01 12:00 UTC);
        let file = export::jks(contents, PASSPHRASE, now).unwrap();
        comes_back(&file, Some(PASSPHRASE), &key, Some(&leaf));
    }
}

#[test]
fn certificates_come_back_from_pkcs7() {
    let keys = [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519];
    let leaves = keys.map(|algorithm| certificate(&PrivateKey::generate(algorithm).unwrap()));
    let der = export::pkcs7_der(&leaves).unwrap();
    let pem = export::pkcs7_pem(&leaves).unwrap().into_bytes();
    for file in [der, pem] {
        let read = import::read(&file, None).unwrap();
        assert_eq!(read.certificates.len(), 2);
        assert!(leaves.iter().all(|leaf| read.certificates.contains(leaf)));
    }
}
