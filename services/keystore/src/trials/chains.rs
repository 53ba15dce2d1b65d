//! The files of one chain end in the same state, in whatever parts and order they come.

use std::collections::{BTreeMap, HashSet};

use api::keystore::v1::ImportFile;
use pki::{Certificate, KeyAlgorithm, PrivateKey, pem};
use proptest::{prelude::*, test_runner::TestRunner};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use uuid::Uuid;

use super::{Ca, Trial, file, origin, serving::Session};
use crate::certificate;

/// A leaf with its key, its intermediate and the root, and the same intermediate as another root signed it.
struct Parts {
    key: PrivateKey,
    certificates: [Certificate; 4],
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.serial_number = Some(Uuid::new_v4().as_bytes().to_vec().into());
    params
}

impl Parts {
    fn new() -> Self {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let [root_key, other_key, middle_key] = [(); 3].map(|()| KeyPair::generate().unwrap());
        let root = authority("Root").self_signed(&root_key).unwrap();
        let by_root = Issuer::new(authority("Root"), root_key);
        let by_other = Issuer::new(authority("Other root"), other_key);
        let middle = authority("Intermediate")
            .signed_by(&middle_key, &by_root)
            .unwrap();
        let cross = authority("Intermediate")
            .signed_by(&middle_key, &by_other)
            .unwrap();
        let by_middle = Issuer::new(authority("Intermediate"), middle_key);
        let spki = rcgen::SubjectPublicKeyInfo::from_der(key.spki_der()).unwrap();
        let mut leaf = CertificateParams::new(["shop.example".to_owned()]).unwrap();
        leaf.distinguished_name = rcgen::DistinguishedName::new();
        let leaf = leaf.signed_by(&spki, &by_middle).unwrap();
        let certificates = [leaf, middle, cross, root];
        let certificates = certificates.map(|c| Certificate::parse(c.der()).unwrap());
        Self { key, certificates }
    }

    fn pem(&self, part: usize) -> String {
        match self.certificates.get(part) {
            Some(certificate) => pem::certificate(&certificate.der),
            None => pem::private_key(&self.key).to_string(),
        }
    }

    fn der(&self, part: usize) -> Vec<u8> {
        match self.certificates.get(part) {
            Some(certificate) => certificate.der.clone(),
            None => self.key.pkcs8_der().to_vec(),
        }
    }
}

/// The order of the parts, the file of each, and of each file whether it would rather be DER, and the call.
#[derive(Debug, Clone)]
struct Split {
    order: Vec<usize>,
    files: Vec<usize>,
    der: Vec<bool>,
    calls: Vec<usize>,
}

fn split() -> impl Strategy<Value = Split> {
    let order = Just((0..5).collect::<Vec<_>>()).prop_shuffle();
    let files = prop::collection::vec(0..5_usize, 5);
    let der = prop::collection::vec(any::<bool>(), 5);
    let calls = prop::collection::vec(0..3_usize, 5);
    (order, files, der, calls).prop_map(|(order, files, der, calls)| Split {
        order,
        files,
        der,
        calls,
    })
}

impl Split {
    fn whole() -> Self {
        Self {
            order: vec![0, 1, 2, 3, 4],
            files: vec![0; 5],
            der: vec![false; 5],
            calls: vec![0; 5],
        }
    }

    /// The files of each call.
    fn calls(&self, parts: &Parts) -> Vec<Vec<ImportFile>> {
        let mut calls = vec![Vec::new(); 3];
        for number in 0..5 {
            let of_file = self
                .order
                .iter()
                .filter(|part| self.files[**part] == number);
            let of_file = of_file.copied().collect::<Vec<_>>();
            let content = match of_file.as_slice() {
                [] => continue,
                [part] if self.der[number] => parts.der(*part),
                several => several
                    .iter()
                    .map(|part| parts.pem(*part))
                    .collect::<String>()
                    .into(),
            };
            calls[self.calls[number]].push(file(&number.to_string(), content));
        }
        calls.retain(|files| !files.is_empty());
        calls
    }
}

/// What is kept in the end.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// The chain of each certificate, by fingerprint.
    issuers: BTreeMap<String, Vec<Vec<u8>>>,
    /// Of two with one name it is the later that has the number.
    names: Vec<String>,
    /// Id, chain and private key of what is served.
    served: Vec<(String, Vec<Vec<u8>>, Vec<u8>)>,
}

async fn imported(parts: &Parts, split: &Split) -> Outcome {
    let trial = Trial::begin().await;
    let commands = trial.commands();
    for (number, files) in split.calls(parts).into_iter().enumerate() {
        let answer = trial.import(&number.to_string(), files).await;
        assert!(
            answer.files.iter().all(|file| file.reason.is_empty()),
            "{answer:?}"
        );
    }
    let last = commands.log.last_sequence().await.unwrap();
    commands.linked_up_to(last, &HashSet::new()).await.unwrap();
    trial.follows().await;
    let (mut issuers, mut names) = (BTreeMap::new(), Vec::new());
    for certificate in &parts.certificates {
        let fingerprint = &certificate.sha256_fingerprint;
        let id = crate::commands::by_fingerprint(fingerprint).to_string();
        let state = commands
            .log
            .load::<certificate::State>(&id)
            .await
            .unwrap()
            .state;
        let kept = state.kept().unwrap();
        names.push(kept.friendly_name.clone());
        let chain = kept.issuers.iter().map(|issuer| issuer.der.to_vec());
        issuers.insert(fingerprint.clone(), chain.collect());
    }
    names.sort();
    let served = Session::begin(&trial).await.snapshot().await;
    let served = served.into_iter().map(|served| {
        let chain = served.chain_der.iter().map(|der| der.to_vec());
        (
            served.certificate_id,
            chain.collect(),
            served.private_key_der.to_vec(),
        )
    });
    Outcome {
        issuers,
        names,
        served: served.collect(),
    }
}

#[test]
fn the_files_of_a_chain_end_in_the_same_state_in_any_split_and_order() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let parts = Parts::new();
    let [leaf, middle, cross, root] = &parts.certificates;
    let whole = runtime.block_on(imported(&parts, &Split::whole()));
    let chain = |of: &Certificate| whole.issuers[&of.sha256_fingerprint].clone();
    assert_eq!(chain(leaf), [middle.der.clone(), root.der.clone()]);
    assert_eq!(chain(middle), std::slice::from_ref(&root.der));
    assert!(chain(cross).is_empty() && chain(root).is_empty());
    assert_eq!(
        whole.names,
        ["Intermediate", "Intermediate (2)", "Root", "shop.example"]
    );
    let [(_, served, key)] = whole.served.as_slice() else {
        panic!("{} are served", whole.served.len());
    };
    assert_eq!(*served, [leaf.der.clone(), middle.der.clone()]);
    assert_eq!(key, parts.key.pkcs8_der());

    let mut runner = TestRunner::new(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let tried = runner.run(&split(), |split| {
        prop_assert_eq!(&runtime.block_on(imported(&parts, &split)), &whole);
        Ok(())
    });
    tried.unwrap();
}

#[tokio::test]
async fn a_ca_that_was_deleted_and_comes_back_completes_what_came_meanwhile() {
    let (trial, ca) = (Trial::begin().await, Ca::new());
    let root = file("root.cer", ca.certificate().der);
    trial.import("1", vec![root.clone()]).await;
    let id = crate::commands::by_fingerprint(&ca.certificate().sha256_fingerprint);
    let deleted = trial.commands().delete_certificate(&origin("2"), id).await;
    deleted.unwrap();
    trial.follows().await;
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let leaf = ca.leaf(key.spki_der());
    trial
        .import("3", vec![file("leaf.cer", leaf.der.clone())])
        .await;
    let id = crate::commands::by_fingerprint(&leaf.sha256_fingerprint);
    let issuers = async || {
        let state = trial.commands().certificate(id).await.unwrap();
        state.kept().unwrap().issuers.len()
    };
    assert_eq!(issuers().await, 0);
    trial.import("4", vec![root]).await;
    assert_eq!(issuers().await, 1);
}
