//! What is given out is what is here, and the log says so before.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
};

use api::{
    keystore::v1::{
        CertificateExported, ExportFormat, ExportItem, ExportKeyRequest, ExportRequest,
        KeyExported, certificate_service_server::CertificateService,
    },
    refuse,
};
use pki::{Certificate, KeyAlgorithm, PrivateKey, import, pem};
use uuid::Uuid;

use super::{Ca, Trial, asked, file, origin};
use crate::{
    certificate,
    commands::Place,
    events::{CertificateEvent, KeyEvent},
    key,
};

/// A certificate with its chain and key.
async fn shop(trial: &Trial) -> (Uuid, PrivateKey) {
    let (ca, key) = (
        Ca::new(),
        PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap(),
    );
    let leaf = ca.leaf(key.spki_der());
    let id = crate::commands::by_fingerprint(&leaf.sha256_fingerprint);
    let private = file("key.pem", pem::private_key(&key).as_bytes());
    let files = vec![
        file("leaf.cer", leaf.der),
        file("ca.cer", ca.certificate().der),
        private,
    ];
    trial.import(&Uuid::new_v4().to_string(), files).await;
    trial.follows().await;
    (id, key)
}

fn everything(id: Uuid, format: ExportFormat, passphrase: &str) -> ExportRequest {
    ExportRequest {
        items: vec![ExportItem {
            certificate_id: id.to_string(),
            version: 0,
            certificate: true,
            chain: true,
            private_key: true,
        }],
        format: format.into(),
        one_file: format == ExportFormat::Pem,
        passphrase: passphrase.into(),
        ..ExportRequest::default()
    }
}

const PASSPHRASE: &str = "sesame-0f3a9c71";

#[tokio::test]
async fn what_is_given_out_reads_back_and_is_in_the_log() {
    let trial = Trial::begin().await;
    let (id, key) = shop(&trial).await;
    for (format, name) in [
        (ExportFormat::Pem, "PEM"),
        (ExportFormat::Pkcs12, "PKCS#12"),
        (ExportFormat::Jks, "JKS"),
    ] {
        let request = asked(name, everything(id, format, PASSPHRASE));
        let given = trial
            .keystore
            .export_with_private_keys(request)
            .await
            .unwrap()
            .into_inner();
        let contents = import::read(&given.content, Some(PASSPHRASE)).unwrap();
        assert_eq!(contents.certificates.len(), 2, "{name}");
        assert_eq!(contents.certificates[0].spki_der, key.spki_der());
        assert_eq!(contents.keys[0].pkcs8_der(), key.pkcs8_der());

        let log = &trial.commands().log;
        let of_certificate = log
            .load::<certificate::State>(&id.to_string())
            .await
            .unwrap()
            .events;
        let exported = CertificateExported {
            version: 1,
            format: name.into(),
            certificate: true,
            chain: true,
            private_key: true,
            protected: true,
        };
        let last = of_certificate.last().unwrap();
        assert_eq!(
            last.decode::<CertificateEvent>().unwrap(),
            CertificateEvent::Exported(exported)
        );
        let keys = trial
            .commands()
            .vault
            .find_by_spki(&[&key.spki_sha256()])
            .await
            .unwrap();
        let of_key = log
            .load::<key::State>(&keys[0].id.to_string())
            .await
            .unwrap()
            .events;
        let exported = KeyExported {
            format: name.into(),
            protected: true,
            certificate_id: id.to_string(),
        };
        let last_of_key = of_key.last().unwrap();
        assert_eq!(
            last_of_key.decode::<KeyEvent>().unwrap(),
            KeyEvent::Exported(exported)
        );
        for event in [last, last_of_key] {
            let body = String::from_utf8(event.body.to_vec()).unwrap();
            assert!(!body.contains(PASSPHRASE), "{body}");
            assert_eq!(event.actor, "token/person");
        }
    }
}

#[tokio::test]
async fn no_passphrase_can_be_guessed_from_the_digest_of_a_command() {
    let trial = Trial::begin().await;
    let (id, _) = shop(&trial).await;
    // Of the same command with another passphrase the log has the same digest: it is no reuse.
    for passphrase in [PASSPHRASE, "another-passphrase"] {
        let request = asked("1", everything(id, ExportFormat::Pkcs12, passphrase));
        trial
            .keystore
            .export_with_private_keys(request)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_key_leaves_unprotected_only_where_that_is_said_and_nothing_leaves_without_its_event() {
    let mut trial = Trial::begin().await;
    let (id, key) = shop(&trial).await;
    let bare = everything(id, ExportFormat::Pem, "");
    let refused = trial
        .keystore
        .export_with_private_keys(asked("1", bare.clone()))
        .await
        .unwrap_err();
    assert_eq!(
        refuse::reason(&refused).as_deref(),
        Some("PASSPHRASE_NEEDED")
    );
    let said = ExportRequest {
        unprotected: true,
        ..bare
    };
    let given = trial
        .keystore
        .export_with_private_keys(asked("2", said.clone()))
        .await;
    let contents = import::read(&given.unwrap().into_inner().content, None).unwrap();
    assert_eq!(contents.keys[0].pkcs8_der(), key.pkcs8_der());

    trial.server.kill();
    let failed = trial
        .keystore
        .export_with_private_keys(asked("3", said))
        .await
        .unwrap_err();
    assert_eq!(refuse::reason(&failed).as_deref(), Some("LOG_UNAVAILABLE"));
}

/// What is in a ZIP file, by name.
fn unpacked(content: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(content)).unwrap();
    let files = (0..zip.len()).map(|n| {
        let (mut file, mut content) = (zip.by_index(n).unwrap(), Vec::new());
        file.read_to_end(&mut content).unwrap();
        (file.name().unwrap().into_owned(), content)
    });
    files.collect()
}

#[tokio::test]
async fn several_things_in_der_are_a_zip_of_one_file_each() {
    let trial = Trial::begin().await;
    let (id, key) = shop(&trial).await;
    let request = ExportRequest {
        unprotected: true,
        ..everything(id, ExportFormat::Der, "")
    };
    let given = trial.keystore.export_with_private_keys(asked("1", request));
    let given = given.await.unwrap().into_inner();
    assert_eq!(given.media_type, "application/zip");
    let files = unpacked(&given.content);
    let contents = files.values().map(|file| import::read(file, None).unwrap());
    let contents = contents.collect::<Vec<_>>();
    assert_eq!(contents.len(), 3, "{:?}", files.keys());
    assert!(
        contents
            .iter()
            .all(|one| one.format == "DER" || !one.keys.is_empty())
    );
    let keys = contents.iter().flat_map(|one| &one.keys);
    let keys = keys.map(|key| key.pkcs8_der().to_vec());
    assert_eq!(keys.collect::<Vec<_>>(), [key.pkcs8_der()]);
}

#[tokio::test]
async fn several_certificates_are_a_zip_or_one_pkcs7() {
    let trial = Trial::begin().await;
    let (one, _) = shop(&trial).await;
    let (other, _) = shop(&trial).await;
    let request = |format| {
        let mut request = everything(one, format, "");
        request.items[0].private_key = false;
        let mut second = request.items[0].clone();
        second.certificate_id = other.to_string();
        request.items.push(second);
        request.one_file = false;
        asked(format.as_str_name(), request)
    };
    let given = trial.keystore.export(request(ExportFormat::Pem)).await;
    let given = given.unwrap().into_inner();
    assert_eq!(given.media_type, "application/zip");
    // Of each its certificate and its chain.
    let files = unpacked(&given.content);
    assert_eq!(files.len(), 4, "{:?}", files.keys());
    for file in files.values() {
        assert_eq!(import::read(file, None).unwrap().certificates.len(), 1);
    }
    for format in [ExportFormat::Pkcs7, ExportFormat::Pkcs7Pem] {
        let given = trial.keystore.export(request(format)).await.unwrap();
        let contents = import::read(&given.into_inner().content, None).unwrap();
        assert_eq!(contents.certificates.len(), 4);
    }
}

#[tokio::test]
async fn a_file_says_whether_it_has_more_than_certificates() {
    let trial = Trial::begin().await;
    let (id, _) = shop(&trial).await;
    let with_key = everything(id, ExportFormat::Pem, PASSPHRASE);
    let mut without = with_key.clone();
    without.items[0].private_key = false;
    let given = trial
        .keystore
        .export_with_private_keys(asked("1", with_key));
    let given = given.await.unwrap().into_inner();
    assert_eq!(given.media_type, "application/x-pem-file");
    let given = trial.keystore.export(asked("2", without)).await;
    let given = given.unwrap().into_inner();
    assert_eq!(given.media_type, "application/pem-certificate-chain");
}

#[tokio::test]
async fn a_key_alone_leaves_protected_or_as_was_said_and_is_in_the_log() {
    let trial = Trial::begin().await;
    let (_, key) = shop(&trial).await;
    let spki = key.spki_sha256();
    let keys = trial.commands().vault.find_by_spki(&[&spki]).await;
    let key_id = keys.unwrap()[0].id.to_string();
    let request = |format: ExportFormat, passphrase: &str, unprotected| ExportKeyRequest {
        key_id: key_id.clone(),
        format: format.into(),
        passphrase: passphrase.into(),
        unprotected,
    };
    let bare = request(ExportFormat::Pem, "", false);
    let refused = trial
        .keystore
        .export_key(asked("1", bare))
        .await
        .unwrap_err();
    assert_eq!(
        refuse::reason(&refused).as_deref(),
        Some("PASSPHRASE_NEEDED")
    );

    let protected = request(ExportFormat::Pem, PASSPHRASE, false);
    let bare = request(ExportFormat::Der, "", true);
    for (request, passphrase, media_type) in [
        (protected, Some(PASSPHRASE), "application/x-pem-file"),
        (bare, None, "application/pkcs8"),
    ] {
        let given = trial.keystore.export_key(asked(media_type, request)).await;
        let given = given.unwrap().into_inner();
        assert_eq!(given.media_type, media_type);
        let contents = import::read(&given.content, passphrase).unwrap();
        assert_eq!(contents.keys[0].pkcs8_der(), key.pkcs8_der());
        let events = trial.commands().log.load::<key::State>(&key_id).await;
        let events = events.unwrap().events;
        let last = events.last().unwrap();
        assert_eq!(last.sequence, given.position);
        let KeyEvent::Exported(exported) = last.decode().unwrap() else {
            panic!("{}", last.event);
        };
        assert_eq!(exported.protected, passphrase.is_some());
        assert_eq!(exported.certificate_id, "");
    }
}

#[tokio::test]
async fn an_older_version_leaves_with_its_own_chain_and_key() {
    let (trial, old_ca, new_ca) = (Trial::begin().await, Ca::new(), Ca::new());
    let mut versions = Vec::<(Uuid, Certificate, Certificate)>::new();
    for ca in [&old_ca, &new_ca] {
        let key = trial.key(&Uuid::new_v4().to_string()).await;
        let mut add = trial.issued(ca, key, "an automation").await;
        if let Some((id, ..)) = versions.first() {
            add.place = Place::VersionOf(*id);
        }
        let leaf = add.leaf.clone();
        let request = origin(&leaf.serial_number);
        let added = trial.commands().add_certificate(&request, add).await;
        versions.push((added.unwrap().certificate_id, leaf, ca.certificate()));
    }
    let id = versions[0].0;
    for (version, (_, leaf, issuer)) in (1..).zip(&versions) {
        let mut request = everything(id, ExportFormat::Pem, PASSPHRASE);
        request.items[0].version = version;
        let request = asked(&version.to_string(), request);
        let given = trial.keystore.export_with_private_keys(request).await;
        let contents = import::read(&given.unwrap().into_inner().content, Some(PASSPHRASE));
        let contents = contents.unwrap();
        assert_eq!(contents.certificates, [leaf.clone(), issuer.clone()]);
        assert_eq!(contents.keys[0].spki_der(), leaf.spki_der);
    }
    let mut beyond = everything(id, ExportFormat::Pem, PASSPHRASE);
    beyond.items[0].version = 3;
    let refused = trial
        .keystore
        .export_with_private_keys(asked("3", beyond))
        .await;
    let refused = refuse::reason(&refused.unwrap_err());
    assert_eq!(refused.as_deref(), Some("NO_SUCH_VERSION"));
}
